"""What the rates of bounces and complaints are counted from, and what was made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_counts",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("can_bounce", sa.BigInteger(), nullable=False),
        sa.Column("can_complain", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "started_at"),
    )
    op.create_table(
        "reputation_standings",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("scope", "kind"),
    )
    op.create_table(
        "reputation_resumes",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_index(
        "email_bounces_hard",
        "email_bounces",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("bounce_type = 'Permanent'"),
    )
    op.create_index("email_complaints_created_at", "email_complaints", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("email_complaints_created_at", table_name="email_complaints")
    op.drop_index("email_bounces_hard", table_name="email_bounces")
    op.drop_table("reputation_resumes")
    op.drop_table("reputation_standings")
    op.drop_table("sent_counts")
