"""The ledger, and what the workers keep beside it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, now, one_of
from db.states import MessageState, RecipientState


class EmailMessage(Base):
    """The ledger: one row for each message that a worker has seen, and its state."""

    __tablename__ = "email_messages"
    __table_args__ = (
        one_of("state", MessageState, "email_messages_state"),
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
    created_at: Mapped[datetime] = mapped_column(server_default=now)
    updated_at: Mapped[datetime] = mapped_column(server_default=now)
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
        one_of("state", RecipientState, "email_recipients_state"),
        Index("email_recipients_address", "address"),
    )

    message_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("email_messages.id", ondelete="CASCADE"), primary_key=True
    )
    address: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    # When SES says that it was delivered, whatever came later.
    delivered_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=now)


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
    started_at: Mapped[datetime] = mapped_column(server_default=now)


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
    first_seen_at: Mapped[datetime] = mapped_column(server_default=now)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=now)
    # An operator wants no more of it. It may still have been an event of ours.
    discarded_at: Mapped[datetime | None]
