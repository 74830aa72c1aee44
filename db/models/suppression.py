"""The suppression list, its history, and what is known of SES's own."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, now


class EmailSuppression(Base):
    """An address that must not be mailed: everywhere (scope `*`) or in one stream."""

    __tablename__ = "email_suppressions"
    __table_args__ = (
        # Under which keys there are digests, found without reading the list.
        Index(
            "email_suppressions_digests",
            "address",
            postgresql_ops={"address": "text_pattern_ops"},
            postgresql_where=text("address LIKE 'hmac:%'"),
        ),
    )

    address: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True, server_default="*")
    reason: Mapped[str]
    source: Mapped[str]
    note: Mapped[str | None]
    message_id: Mapped[uuid.UUID | None]
    feedback_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now)
    expires_at: Mapped[datetime | None]
    # The end of what the reason says, where soft bounces make the entry last longer.
    firm_until: Mapped[datetime | None]


class EmailSuppressionChange(Base):
    """One change of the suppression list, and who or what made it; never changed itself."""

    __tablename__ = "email_suppression_changes"
    __table_args__ = (
        CheckConstraint(
            "action IN ('added', 'changed', 'removed')", name="email_suppression_changes_action"
        ),
        Index("email_suppression_changes_address", "address"),
        # What operators removed since a moment: SES's own list has to follow.
        Index(
            "email_suppression_changes_removed",
            "changed_at",
            postgresql_where=text("action = 'removed' AND source = 'operator'"),
        ),
        Index("email_suppression_changes_changed_at", "changed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    address: Mapped[str]
    scope: Mapped[str]
    action: Mapped[str]
    reason: Mapped[str | None]
    source: Mapped[str]
    by: Mapped[str | None]
    # The identity of the event that caused it.
    event: Mapped[str | None]
    note: Mapped[str | None]
    message_id: Mapped[uuid.UUID | None]
    feedback_id: Mapped[str | None]
    # What the entry says since then.
    entry_reason: Mapped[str | None]
    entry_expires_at: Mapped[datetime | None]
    changed_at: Mapped[datetime] = mapped_column(server_default=now)


class SesSuppression(Base):
    """One entry of SES's own list for the account, as it was last seen there.

    `spelling` is the address as SES writes it, `address` our key. The states are told in
    `db/ses_list.py`.
    """

    __tablename__ = "ses_suppressions"
    __table_args__ = (
        CheckConstraint(
            "state IN ('new', 'listed', 'doomed', 'deleted', 'unseen', 'gone', 'unfit', 'stuck')",
            name="ses_suppressions_state",
        ),
        Index("ses_suppressions_address", "address"),
        Index("ses_suppressions_spelling", "spelling"),
        Index("ses_suppressions_seen_in", "region", "seen_in"),
        Index(
            "ses_suppressions_to_do",
            "region",
            "state",
            "spelling",
            postgresql_where=text("state <> 'listed'"),
        ),
    )

    region: Mapped[str] = mapped_column(primary_key=True)
    spelling: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str]
    # By SES's clock: compared with nothing but itself.
    listed_at: Mapped[datetime | None]
    # The number of the reading that saw it last.
    seen_in: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(server_default=now)


class SesSuppressionReading(Base):
    """How far the step with SES's list has come; whoever goes on with it begins here."""

    __tablename__ = "ses_suppression_readings"
    __table_args__ = (
        CheckConstraint(
            "phase IN ('idle', 'reading', 'taking', 'putting')",
            name="ses_suppression_readings_phase",
        ),
    )

    region: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    phase: Mapped[str] = mapped_column(server_default=text("'idle'"))
    is_full: Mapped[bool] = mapped_column(server_default=text("false"))
    # Only what SES listed since then is read; SES's clock, as is `newest`, the latest seen.
    since: Mapped[datetime | None]
    token: Mapped[str | None]
    begun_at: Mapped[datetime | None]
    # When the last full reading that came to its end was begun.
    full_begun_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    newest: Mapped[datetime | None]
    # What operators removed before is done there as well.
    settled_until: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))
    swept_to: Mapped[str] = mapped_column(server_default=text("''"))
