"""Addresses that stand in the tables by a keyed digest, and the keys that this takes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, now


class EmailAddress(Base):
    """The book: `name` is the digest by which all tables know an address, `sealed` is the address.

    Whoever is erased is not in it. `domains` are digests of its domain and of those above.
    """

    __tablename__ = "email_addresses"
    __table_args__ = (
        Index("email_addresses_former", "former", postgresql_where=text("former IS NOT NULL")),
        Index("email_addresses_used_at", "used_at"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[str]
    # The id of the key that encrypted it.
    sealed_by: Mapped[str]
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    # Its name before the last rotation, for what was written down meanwhile.
    former: Mapped[str | None]
    # When somebody wrote the name into another table, to a month: what is newer is not forgotten.
    used_at: Mapped[datetime] = mapped_column(server_default=now)


class AddressSealing(Base):
    """How new addresses are written: one row at most, none as long as nothing was ever sealed."""

    __tablename__ = "address_sealing"
    __table_args__ = (
        CheckConstraint("single", name="address_sealing_single"),
        CheckConstraint(
            "state IN ('plain', 'turning', 'sealed', 'opening')", name="address_sealing_state"
        ),
    )

    single: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    state: Mapped[str]
    # New digests are made with it, by all processes.
    digest_key: Mapped[str]


class AddressKey(Base):
    """A key that rows were made with; its secret is not here.

    `purpose` is `erased` or `digest` for digests, and `encryption`. Nobody claims mail without
    those that are required.
    """

    __tablename__ = "address_keys"

    purpose: Mapped[str] = mapped_column(primary_key=True, server_default=text("'erased'"))
    id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    is_required: Mapped[bool] = mapped_column(server_default=text("false"))
    noted_at: Mapped[datetime] = mapped_column(server_default=now)
