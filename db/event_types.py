"""What an event of SES says, once it is understood, and what a batch of events changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from db.states import EVENT_PROVES, EventKind, MessageState, RecipientState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from db.suppressions import Suppression


# What an event of these kinds says of those whom it is about.
_OF_ITS_RECIPIENTS = {
    EventKind.BOUNCE: RecipientState.BOUNCED,
    EventKind.COMPLAINT: RecipientState.COMPLAINED,
    EventKind.DELIVERY: RecipientState.DELIVERED,
}


@dataclass(frozen=True)
class Bounce:
    """One recipient of a bounce. `address` is normalised.

    `is_soft` says that it counts towards a temporary suppression of the address.
    """

    address: str
    bounce_type: str
    bounce_subtype: str
    feedback_id: str
    bounced_at: datetime
    action: str | None = None
    status: str | None = None
    diagnostic_code: str | None = None
    reporting_mta: str | None = None
    remote_mta_ip: str | None = None
    is_soft: bool = False

    @property
    def cause(self) -> str:
        """SES's type and subtype, such as `Permanent/General`."""
        return f"{self.bounce_type}/{self.bounce_subtype}"


@dataclass(frozen=True)
class Complaint:
    """One recipient of a complaint. `address` is normalised."""

    address: str
    feedback_id: str
    complained_at: datetime
    complaint_type: str | None = None
    complaint_subtype: str | None = None
    user_agent: str | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """One event of SES, understood.

    `identity` is the same for every delivery of the same event. `raw_text` is the JSON that `raw`
    was read from, where it is at hand: what was read need not be written again. `message_id` is our
    id from the event's tags, where it carries one, and so is `stream`. `recipients` says what the
    event proves for each address that it names: for a stranger, nothing. `suppressions` are what it
    speaks for; policy says how long and how wide.
    """

    identity: str
    kind: EventKind
    occurred_at: datetime
    raw: Mapping[str, Any]
    ses_message_id: str | None = None
    message_id: UUID | None = None
    stream: str | None = None
    recipients: Mapping[str, RecipientState] = field(default_factory=dict)
    bounces: Sequence[Bounce] = ()
    complaints: Sequence[Complaint] = ()
    suppressions: Sequence[Suppression] = ()
    raw_text: str | None = None

    @property
    def proves_of_message(self) -> MessageState:
        """What it proves about its message.

        An event may name only recipients that are still being tried, or only strangers: then SES
        had the message, and no more is known. A bounce of nobody named is a bounce.
        """
        named = self.recipients.values()
        if named and _OF_ITS_RECIPIENTS.get(self.kind) not in (None, *named):
            return MessageState.SENT
        return EVENT_PROVES[self.kind]

    def suppresses(self, address: str) -> bool:
        """Whether it speaks for a suppression of this address by itself."""
        return any(each.address == address for each in self.suppressions)


@dataclass(frozen=True)
class Applied:
    """What a batch changed. A redelivered event appears in none of these."""

    events: list[Event]
    unmatched: list[Event]
    bounces: list[Bounce]
    complaints: list[Complaint]
    suppressions: list[Suppression]
