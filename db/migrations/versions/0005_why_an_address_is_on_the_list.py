"""Every change of the suppression list, the bounces that count, and events that wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What is on the list already has a history of one line.
_BEGIN_HISTORY = """
INSERT INTO email_suppression_changes (address, scope, action, reason, source, note, message_id,
    feedback_id, entry_reason, entry_expires_at, changed_at)
SELECT address, scope, 'added', reason, source, note, message_id,
    feedback_id, reason, expires_at, created_at
FROM email_suppressions ORDER BY address, scope
"""


def upgrade() -> None:
    op.create_table(
        "email_suppression_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("feedback_id", sa.Text(), nullable=True),
        sa.Column("entry_reason", sa.Text(), nullable=True),
        sa.Column("entry_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "action IN ('added', 'changed', 'removed')", name="email_suppression_changes_action"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "email_suppression_changes_address", "email_suppression_changes", ["address"], unique=False
    )
    op.execute(_BEGIN_HISTORY)
    op.add_column(
        "email_bounces",
        sa.Column("is_soft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "email_bounces_soft",
        "email_bounces",
        ["address", "bounced_at"],
        unique=False,
        postgresql_where=sa.text("is_soft"),
    )
    op.add_column(
        "email_recipients", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("email_events", sa.Column("proves", sa.JSON(), nullable=True))
    for column in ("message_id", "received_at"):
        op.create_index(
            f"email_events_waiting_{column}",
            "email_events",
            [column],
            unique=False,
            postgresql_where=sa.text("proves IS NOT NULL"),
        )


def downgrade() -> None:
    for column in ("received_at", "message_id"):
        op.drop_index(f"email_events_waiting_{column}", table_name="email_events")
    op.drop_column("email_events", "proves")
    op.drop_column("email_recipients", "delivered_at")
    op.drop_index("email_bounces_soft", table_name="email_bounces")
    op.drop_column("email_bounces", "is_soft")
    op.drop_index("email_suppression_changes_address", table_name="email_suppression_changes")
    op.drop_table("email_suppression_changes")
