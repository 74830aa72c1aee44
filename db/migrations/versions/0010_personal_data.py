"""What retention needs: how far it has come, and the history of the list by its time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "email_suppression_changes_changed_at",
        "email_suppression_changes",
        ["changed_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("email_suppression_changes_changed_at", table_name="email_suppression_changes")
    op.drop_table("retention_marks")
