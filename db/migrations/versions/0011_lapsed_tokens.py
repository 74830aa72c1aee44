"""The pacer: how many lapsed tokens it has issued anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "pacers",
        sa.Column(
            "returned_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("'epoch'"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column("pacers", "returned_until")
