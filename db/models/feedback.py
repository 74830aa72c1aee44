"""What SES said of messages."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, now


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
    # Whether it spoke for a suppression of its own; NULL in rows from before this was written down.
    suppresses: Mapped[bool | None]
    created_at: Mapped[datetime] = mapped_column(server_default=now)


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
    suppresses: Mapped[bool | None]
    complained_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=now)


class EmailDelivery(Base):
    """A delivery of mail that is not in the ledger: it too ends a count of soft bounces."""

    __tablename__ = "email_deliveries"
    __table_args__ = (
        UniqueConstraint("address", "mail", name="email_deliveries_identity"),
        Index("email_deliveries_delivered_at", "delivered_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    address: Mapped[str]
    # SES's id of the message, or ours where that is missing.
    mail: Mapped[str]
    delivered_at: Mapped[datetime]


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
    received_at: Mapped[datetime] = mapped_column(server_default=now)
    raw: Mapped[dict[str, Any]]
    # What it proves for each address, kept until its message is in the ledger.
    proves: Mapped[dict[str, Any] | None]


class ConsumerWatermark(Base):
    """Up to which moment an event queue is known to be drained."""

    __tablename__ = "consumer_watermarks"

    queue: Mapped[str] = mapped_column(primary_key=True)
    drained_until: Mapped[datetime]
