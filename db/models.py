"""The tables. Migrations under `db/migrations` make them; a test holds the two together."""

from __future__ import annotations

import uuid  # noqa: TC003  SQLAlchemy resolves the annotations at run time
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.states import MessageState, RecipientState


class Base(DeclarativeBase):
    """Common types. JSON is kept as text, for JSONB refuses what the world sends (U+0000)."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own interface
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSON,
        str: Text,
    }


def _one_of(column: str, values: type[MessageState | RecipientState], name: str) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=name)


_now = func.now()


class EmailMessage(Base):
    """The ledger: one row for each message that a worker has seen, and its state."""

    __tablename__ = "email_messages"
    __table_args__ = (
        _one_of("state", MessageState, "email_messages_state"),
        Index("email_messages_ses_message_id", "ses_message_id"),
        Index("email_messages_created_at", "created_at"),
        # What was sent since a moment, and what the rolling day frees next.
        Index("email_messages_sent_at", "sent_at"),
        Index(
            "email_messages_due",
            "due_at",
            postgresql_where=text("state IN ('parked', 'queued', 'unknown')"),
        ),
        # Most rows are final; what is not must be counted without reading those.
        Index(
            "email_messages_open",
            "stream",
            "state",
            postgresql_where=text("state IN ('queued', 'parked', 'sending', 'unknown', 'held')"),
        ),
        Index("email_messages_lease", "lease_until", postgresql_where=text("state = 'sending'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    stream: Mapped[str]
    state: Mapped[str]
    # The fencing number: counts claims, and is part of every later write of the claimer.
    attempt: Mapped[int] = mapped_column(server_default="0")
    # Who claimed it last: a repeated claim of the same caller is no second one.
    claimant: Mapped[uuid.UUID | None]
    # Only what was about the message itself counts here; system trouble does not.
    attempts_used: Mapped[int] = mapped_column(server_default="0")
    # Claims whose worker died with the message in hand.
    lost_claims: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    enqueued_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_now)
    updated_at: Mapped[datetime] = mapped_column(server_default=_now)
    ses_message_id: Mapped[str | None]
    outcome_code: Mapped[str | None]
    outcome_reason: Mapped[str | None]
    # Whether SES publishes events about it, so that their absence proves something.
    provable: Mapped[bool] = mapped_column(server_default=text("false"))
    # The job itself, kept only while no copy of it lies on SQS.
    payload: Mapped[dict[str, Any] | None]


class EmailRecipient(Base):
    """What became of one message for one of its recipients."""

    __tablename__ = "email_recipients"
    __table_args__ = (
        _one_of("state", RecipientState, "email_recipients_state"),
        Index("email_recipients_address", "address"),
    )

    message_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("email_messages.id", ondelete="CASCADE"), primary_key=True
    )
    address: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    # When SES says that it was delivered, whatever came later.
    delivered_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=_now)


class EmailSuppression(Base):
    """An address that must not be mailed: everywhere (scope `*`) or in one stream."""

    __tablename__ = "email_suppressions"
    __table_args__ = (
        # Whoever was erased is known by a digest alone; these are few.
        Index(
            "email_suppressions_digests",
            "address",
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
    created_at: Mapped[datetime] = mapped_column(server_default=_now)
    expires_at: Mapped[datetime | None]


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
    changed_at: Mapped[datetime] = mapped_column(server_default=_now)


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
    changed_at: Mapped[datetime] = mapped_column(server_default=_now)


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


class EmailBounce(Base):
    """One recipient of one bounce."""

    __tablename__ = "email_bounces"
    __table_args__ = (
        UniqueConstraint("feedback_id", "address", name="email_bounces_identity"),
        Index("email_bounces_address", "address"),
        Index("email_bounces_bounced_at", "bounced_at"),
        Index("email_bounces_soft", "address", "bounced_at", postgresql_where=text("is_soft")),
        Index(
            "email_bounces_hard", "created_at", postgresql_where=text("bounce_type = 'Permanent'")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[uuid.UUID | None]
    ses_message_id: Mapped[str | None]
    address: Mapped[str]
    bounce_type: Mapped[str]
    bounce_subtype: Mapped[str]
    feedback_id: Mapped[str]
    action: Mapped[str | None]
    status: Mapped[str | None]
    diagnostic_code: Mapped[str | None]
    reporting_mta: Mapped[str | None]
    remote_mta_ip: Mapped[str | None]
    bounced_at: Mapped[datetime]
    # Whether it counts towards a temporary suppression.
    is_soft: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=_now)


class EmailComplaint(Base):
    """One recipient of one complaint."""

    __tablename__ = "email_complaints"
    __table_args__ = (
        UniqueConstraint("feedback_id", "address", name="email_complaints_identity"),
        Index("email_complaints_address", "address"),
        Index("email_complaints_complained_at", "complained_at"),
        Index("email_complaints_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[uuid.UUID | None]
    ses_message_id: Mapped[str | None]
    address: Mapped[str]
    complaint_type: Mapped[str | None]
    complaint_subtype: Mapped[str | None]
    feedback_id: Mapped[str]
    user_agent: Mapped[str | None]
    arrived_at: Mapped[datetime | None]
    complained_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=_now)


class EmailEvent(Base):
    """Every event of SES as it came, once: `identity` makes a redelivery a no-op."""

    __tablename__ = "email_events"
    __table_args__ = (
        UniqueConstraint("identity", name="email_events_identity"),
        Index("email_events_message_id", "message_id"),
        Index("email_events_ses_message_id", "ses_message_id"),
        Index("email_events_received_at", "received_at"),
        # Those that wait for their message to appear are few.
        Index(
            "email_events_waiting_message_id",
            "message_id",
            postgresql_where=text("proves IS NOT NULL"),
        ),
        Index(
            "email_events_waiting_received_at",
            "received_at",
            postgresql_where=text("proves IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    identity: Mapped[str]
    kind: Mapped[str]
    message_id: Mapped[uuid.UUID | None]
    ses_message_id: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=_now)
    raw: Mapped[dict[str, Any]]
    # What it proves for each address, kept until its message is in the ledger.
    proves: Mapped[dict[str, Any] | None]


class RefusedMessage(Base):
    """A message from a queue that could not be understood, kept with the reason.

    `may_be_ours`: an event of a message of ours may be hidden in it. Not so what is not SNS's own.
    """

    __tablename__ = "refused_messages"
    __table_args__ = (
        UniqueConstraint("queue", "sqs_message_id", name="refused_messages_identity"),
        Index("refused_messages_last_seen_at", "last_seen_at"),
        Index(
            "refused_messages_may_be_ours",
            "queue",
            "last_seen_at",
            postgresql_where=text("may_be_ours"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    queue: Mapped[str]
    sqs_message_id: Mapped[str]
    reason: Mapped[str]
    body: Mapped[str]
    times_seen: Mapped[int] = mapped_column(server_default="1")
    may_be_ours: Mapped[bool] = mapped_column(server_default=text("true"))
    first_seen_at: Mapped[datetime] = mapped_column(server_default=_now)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=_now)
    # An operator wants no more of it. It may still have been an event of ours.
    discarded_at: Mapped[datetime | None]


class MessageStart(Base):
    """A message that SQS shows again, from its start in a worker until it leaves its hands.

    A row that is found at a start is of a process that died: with it or only near it, which is
    found out in `trials`. Messages that SQS shows for the first time leave no row.
    """

    __tablename__ = "message_starts"
    __table_args__ = (Index("message_starts_started_at", "started_at"),)

    queue: Mapped[str] = mapped_column(primary_key=True)
    sqs_message_id: Mapped[str] = mapped_column(primary_key=True)
    receive_count: Mapped[int]
    starts: Mapped[int] = mapped_column(server_default="1")
    trials: Mapped[int] = mapped_column(server_default="0")
    condemned: Mapped[bool] = mapped_column(server_default=text("false"))
    started_at: Mapped[datetime] = mapped_column(server_default=_now)


class Pacer(Base):
    """The shared schedule of one region's account: when its next token is free.

    `shares` says for each stream when it may next claim its own share (epoch seconds). After a
    throttle `rate_factor` is below 1 and grows again with the time since `throttled_at`.
    """

    __tablename__ = "pacers"

    region: Mapped[str] = mapped_column(primary_key=True)
    next_free_at: Mapped[datetime] = mapped_column(server_default=_now)
    rate_factor: Mapped[float] = mapped_column(server_default="1")
    throttled_at: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))
    shares: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


class SesAccount(Base):
    """The newest reading of SES's account data, one row a region."""

    __tablename__ = "ses_accounts"

    region: Mapped[str] = mapped_column(primary_key=True)
    max_send_rate: Mapped[float]
    max_24_hour_send: Mapped[float]
    sent_last_24_hours: Mapped[float]
    sending_enabled: Mapped[bool]
    production_access: Mapped[bool]
    enforcement_status: Mapped[str]
    checked_at: Mapped[datetime] = mapped_column(server_default=_now)


class Gate(Base):
    """A shut gate: no mail of its scope (`*` or a stream) is taken out of the queue until then.

    A scope may be shut for several reasons at once, and is open when the last of them is over.
    """

    __tablename__ = "gates"

    scope: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    shut_at: Mapped[datetime] = mapped_column(server_default=_now)
    # Without an end only an operator opens it.
    shut_until: Mapped[datetime | None]
    # The message whose refusal shut it. Such a gate does not open by time: when that is over, one
    # message at a time is a probe, until `probe_until`, and its acceptance opens the gate.
    message_id: Mapped[uuid.UUID | None]
    refusals: Mapped[int] = mapped_column(server_default="0")
    probe_until: Mapped[datetime | None]
    # When it is likely to open, where that is later than the next look at it.
    expected_at: Mapped[datetime | None]


class ConsumerWatermark(Base):
    """Up to which moment an event queue is known to be drained."""

    __tablename__ = "consumer_watermarks"

    queue: Mapped[str] = mapped_column(primary_key=True)
    drained_until: Mapped[datetime]


class SchedulerDuty(Base):
    """Who does a duty of the scheduler now, and when it was last begun."""

    __tablename__ = "scheduler_duties"

    name: Mapped[str] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class SentCount(Base):
    """How many recipients were sent to in five minutes: a stream's, and those of all (`*`).

    Counted from the ledger when that can no longer change, so to count again changes nothing. The
    newest row of `*` says up to where it is done.
    """

    __tablename__ = "sent_counts"

    scope: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    # Of these a bounce counts in SES's rate, and of those a complaint can become known to SES.
    can_bounce: Mapped[int] = mapped_column(BigInteger)
    can_complain: Mapped[int] = mapped_column(BigInteger)


class ReputationStanding(Base):
    """Where a rate stands to its limits, so that a crossing is told once, whoever sees it."""

    __tablename__ = "reputation_standings"

    scope: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int]
    since: Mapped[datetime] = mapped_column(server_default=_now)


class ReputationResume(Base):
    """An operator has opened what the rates had shut: they do not shut it again until then.

    Afterwards only mail that was sent from `counts_from` on can.
    """

    __tablename__ = "reputation_resumes"

    scope: Mapped[str] = mapped_column(primary_key=True)
    held_until: Mapped[datetime]
    counts_from: Mapped[datetime]


class AddressKey(Base):
    """A key that erased addresses are on the suppression list by; its secret is not here."""

    __tablename__ = "address_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    noted_at: Mapped[datetime] = mapped_column(server_default=_now)


class RetentionMark(Base):
    """Up to which moment the contents of a table have been emptied."""

    __tablename__ = "retention_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    done_until: Mapped[datetime]
