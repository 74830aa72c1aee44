"""The book of sealed addresses, which keys must be at hand, and how far sealing has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# A part of every claim while addresses are being encrypted; its plan is made once a connection.
_STANDS_IN_PLAIN = """
CREATE FUNCTION address_stands_in_plain(told text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM email_suppressions WHERE address = told)
        OR EXISTS (SELECT FROM email_suppression_changes WHERE address = told)
        OR EXISTS (SELECT FROM email_recipients WHERE address = told)
        OR EXISTS (SELECT FROM email_bounces WHERE address = told)
        OR EXISTS (SELECT FROM email_complaints WHERE address = told)
        OR EXISTS (SELECT FROM email_deliveries WHERE address = told)
        OR EXISTS (SELECT FROM ses_suppressions WHERE address = told)
        OR EXISTS (SELECT FROM ses_suppressions WHERE spelling = told);
END $$
"""


def upgrade() -> None:
    op.execute(_STANDS_IN_PLAIN)
    op.create_table(
        "email_addresses",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("sealed_by", sa.Text(), nullable=False),
        sa.Column("domains", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("former", sa.Text(), nullable=True),
        sa.Column(
            "used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "email_addresses_former",
        "email_addresses",
        ["former"],
        unique=False,
        postgresql_where=sa.text("former IS NOT NULL"),
    )
    op.create_index("email_addresses_used_at", "email_addresses", ["used_at"], unique=False)
    op.create_table(
        "address_sealing",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest_key", sa.Text(), nullable=False),
        sa.CheckConstraint("single", name="address_sealing_single"),
        sa.CheckConstraint(
            "state IN ('plain', 'turning', 'sealed', 'opening')", name="address_sealing_state"
        ),
        sa.PrimaryKeyConstraint("single"),
    )
    op.add_column(
        "address_keys",
        sa.Column("purpose", sa.Text(), server_default=sa.text("'erased'"), nullable=False),
    )
    op.add_column(
        "address_keys",
        sa.Column("is_required", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.drop_constraint("address_keys_pkey", "address_keys", type_="primary")
    op.create_primary_key("address_keys_pkey", "address_keys", ["purpose", "id"])
    op.create_index("ses_suppressions_spelling", "ses_suppressions", ["spelling"], unique=False)
    op.drop_index("email_suppressions_digests", table_name="email_suppressions")
    op.create_index(
        "email_suppressions_digests",
        "email_suppressions",
        ["address"],
        unique=False,
        postgresql_ops={"address": "text_pattern_ops"},
        postgresql_where=sa.text("address LIKE 'hmac:%'"),
    )


def downgrade() -> None:
    op.drop_index("email_suppressions_digests", table_name="email_suppressions")
    op.create_index(
        "email_suppressions_digests",
        "email_suppressions",
        ["address"],
        unique=False,
        postgresql_where=sa.text("address LIKE 'hmac:%'"),
    )
    op.drop_index("ses_suppressions_spelling", table_name="ses_suppressions")
    op.execute("DELETE FROM address_keys WHERE purpose <> 'erased'")
    op.drop_constraint("address_keys_pkey", "address_keys", type_="primary")
    op.create_primary_key("address_keys_pkey", "address_keys", ["id"])
    op.drop_column("address_keys", "is_required")
    op.drop_column("address_keys", "purpose")
    op.drop_table("address_sealing")
    op.drop_index("email_addresses_used_at", table_name="email_addresses")
    op.drop_index("email_addresses_former", table_name="email_addresses")
    op.drop_table("email_addresses")
    op.execute("DROP FUNCTION address_stands_in_plain(text)")
