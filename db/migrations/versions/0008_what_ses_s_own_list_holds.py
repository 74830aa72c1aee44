"""What SES's own suppression list for the account holds, and how far it has been read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ses_suppressions",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("spelling", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_in", sa.BigInteger(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('new', 'listed', 'doomed', 'deleted', 'unseen', 'gone', 'unfit', 'stuck')",
            name="ses_suppressions_state",
        ),
        sa.PrimaryKeyConstraint("region", "spelling"),
    )
    op.create_index("ses_suppressions_address", "ses_suppressions", ["address"], unique=False)
    op.create_index(
        "ses_suppressions_seen_in", "ses_suppressions", ["region", "seen_in"], unique=False
    )
    op.create_index(
        "ses_suppressions_to_do",
        "ses_suppressions",
        ["region", "state", "spelling"],
        unique=False,
        postgresql_where=sa.text("state <> 'listed'"),
    )
    op.create_table(
        "ses_suppression_readings",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("phase", sa.Text(), server_default=sa.text("'idle'"), nullable=False),
        sa.Column("is_full", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "settled_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("'epoch'"),
            nullable=False,
        ),
        sa.Column("swept_to", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "phase IN ('idle', 'reading', 'taking', 'putting')",
            name="ses_suppression_readings_phase",
        ),
        sa.PrimaryKeyConstraint("region"),
    )
    op.create_index(
        "email_suppression_changes_removed",
        "email_suppression_changes",
        ["changed_at"],
        unique=False,
        postgresql_where=sa.text("action = 'removed' AND source = 'operator'"),
    )


def downgrade() -> None:
    op.drop_index("email_suppression_changes_removed", table_name="email_suppression_changes")
    op.drop_table("ses_suppression_readings")
    op.drop_index("ses_suppressions_to_do", table_name="ses_suppressions")
    op.drop_index("ses_suppressions_seen_in", table_name="ses_suppressions")
    op.drop_index("ses_suppressions_address", table_name="ses_suppressions")
    op.drop_table("ses_suppressions")
