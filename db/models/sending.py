"""What steers sending: the pacer, the account, the gates and the rates that shut them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, now


class Pacer(Base):
    """The shared schedule of one region's account: when its next token is free.

    `shares` says for each stream when it may next claim its own share (epoch seconds). After a
    throttle `rate_factor` is below 1 and grows again with the time since `throttled_at`. Until
    `returned_until` as many lapsed tokens were issued anew as may be.
    """

    __tablename__ = "pacers"

    region: Mapped[str] = mapped_column(primary_key=True)
    next_free_at: Mapped[datetime] = mapped_column(server_default=now)
    rate_factor: Mapped[float] = mapped_column(server_default="1")
    throttled_at: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))
    shares: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    returned_until: Mapped[datetime] = mapped_column(server_default=text("'epoch'"))


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
    checked_at: Mapped[datetime] = mapped_column(server_default=now)


class Gate(Base):
    """A shut gate: no mail of its scope (`*` or a stream) is taken out of the queue until then.

    A scope may be shut for several reasons at once, and is open when the last of them is over.
    """

    __tablename__ = "gates"

    scope: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    shut_at: Mapped[datetime] = mapped_column(server_default=now)
    # Without an end only an operator opens it.
    shut_until: Mapped[datetime | None]
    # The message whose refusal shut it. Such a gate does not open by time: when that is over, one
    # message at a time is a probe, until `probe_until`, and its acceptance opens the gate.
    message_id: Mapped[uuid.UUID | None]
    refusals: Mapped[int] = mapped_column(server_default="0")
    probe_until: Mapped[datetime | None]
    # When it is likely to open, where that is later than the next look at it.
    expected_at: Mapped[datetime | None]


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
    since: Mapped[datetime] = mapped_column(server_default=now)


class ReputationResume(Base):
    """An operator has opened what the rates had shut: they do not shut it again until then.

    Afterwards only mail that was sent from `counts_from` on can.
    """

    __tablename__ = "reputation_resumes"

    scope: Mapped[str] = mapped_column(primary_key=True)
    held_until: Mapped[datetime]
    counts_from: Mapped[datetime]
