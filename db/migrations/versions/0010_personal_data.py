"""Retention: how far it has come, the list's history by time. Erased addresses: their keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
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
    op.create_table(
        "address_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column(
            "noted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "email_suppressions_digests",
        "email_suppressions",
        ["address"],
        unique=False,
        postgresql_where=sa.text("address LIKE 'hmac:%'"),
    )


def downgrade() -> None:
    op.drop_index("email_suppressions_digests", table_name="email_suppressions")
    op.drop_table("address_keys")
    op.drop_index("email_suppression_changes_changed_at", table_name="email_suppression_changes")
    op.drop_table("retention_marks")
