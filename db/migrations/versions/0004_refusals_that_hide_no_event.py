"""Which refused messages may have been an event of ours: a forged one puts nothing in doubt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "refused_messages",
        sa.Column("may_be_ours", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.create_index(
        "refused_messages_may_be_ours",
        "refused_messages",
        ["queue", "last_seen_at"],
        unique=False,
        postgresql_where=sa.text("may_be_ours"),
    )


def downgrade() -> None:
    op.drop_index("refused_messages_may_be_ours", table_name="refused_messages")
    op.drop_column("refused_messages", "may_be_ours")
