"""Probes at gates, and what was sent since a moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("gates", sa.Column("message_id", sa.Uuid(), nullable=True))
    op.add_column("gates", sa.Column("refusals", sa.Integer(), server_default="0", nullable=False))
    op.add_column("gates", sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("gates", sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("email_messages_sent_at", "email_messages", ["sent_at"])


def downgrade() -> None:
    op.drop_index("email_messages_sent_at", table_name="email_messages")
    for column in ("expected_at", "probe_until", "refusals", "message_id"):
        op.drop_column("gates", column)
