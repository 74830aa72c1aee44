"""Soft bounces apart from stronger reasons; deliveries of unknown mail; what spoke for an entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("email_suppressions", sa.Column("firm_until", sa.DateTime(timezone=True)))
    op.add_column("email_bounces", sa.Column("suppresses", sa.Boolean()))
    op.add_column("email_complaints", sa.Column("suppresses", sa.Boolean()))
    op.create_table(
        "email_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address", "mail", name="email_deliveries_identity"),
    )
    op.create_index(
        "email_deliveries_delivered_at", "email_deliveries", ["delivered_at"], unique=False
    )


def downgrade() -> None:
    op.drop_table("email_deliveries")
    op.drop_column("email_complaints", "suppresses")
    op.drop_column("email_bounces", "suppresses")
    op.drop_column("email_suppressions", "firm_until")
