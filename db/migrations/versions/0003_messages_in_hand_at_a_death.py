"""What was in hand when a worker died: starts of messages, and claims lost with their worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_starts",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("sqs_message_id", sa.Text(), nullable=False),
        sa.Column("receive_count", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("trials", sa.Integer(), server_default="0", nullable=False),
        sa.Column("condemned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("queue", "sqs_message_id"),
    )
    op.create_index("message_starts_started_at", "message_starts", ["started_at"], unique=False)
    op.add_column(
        "email_messages",
        sa.Column("lost_claims", sa.Integer(), server_default="0", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("email_messages", "lost_claims")
    op.drop_index("message_starts_started_at", table_name="message_starts")
    op.drop_table("message_starts")
