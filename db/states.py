"""The states of a message and of its recipients, and what each event of SES makes of them."""

from __future__ import annotations

from enum import StrEnum


class MessageState(StrEnum):
    """Where a message is in its life."""

    QUEUED = "queued"  # put back on SQS by the scheduler
    SENDING = "sending"  # claimed, under a lease
    PARKED = "parked"  # waits in the ledger until due
    UNKNOWN = "unknown"  # SES may have taken it; nobody knows yet
    HELD = "held"  # unknown, and a person must decide
    SENT = "sent"  # SES took it
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"  # SES took it, then refused to send it
    SUPPRESSED = "suppressed"  # never sent: no recipient may be mailed
    EXPIRED = "expired"  # never sent: too late
    FAILED = "failed"  # never sent: it will not pass


class RecipientState(StrEnum):
    """What became of a message for one recipient."""

    PENDING = "pending"
    SUPPRESSED = "suppressed"
    SENT = "sent"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"


class EventKind(StrEnum):
    """The kinds of event that SES publishes; what is `UNRECOGNISED` is kept as it came."""

    SEND = "send"
    DELIVERY = "delivery"
    DELIVERY_DELAY = "delivery_delay"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"  # SES calls it a transient bounce, but no server reports it
    COMPLAINT = "complaint"
    REJECT = "reject"
    RENDERING_FAILURE = "rendering_failure"
    OPEN = "open"
    CLICK = "click"
    SUBSCRIPTION = "subscription"
    UNRECOGNISED = "unrecognised"


# What an event proves about a message: SES had taken it, and then this. Events come in any order
# and any number, so a state only ever climbs: the higher rank wins whichever came first.
EVENT_PROVES: dict[EventKind, MessageState] = {
    EventKind.SEND: MessageState.SENT,
    EventKind.DELIVERY: MessageState.DELIVERED,
    EventKind.DELIVERY_DELAY: MessageState.SENT,
    EventKind.BOUNCE: MessageState.BOUNCED,
    EventKind.AUTO_REPLY: MessageState.SENT,
    EventKind.COMPLAINT: MessageState.COMPLAINED,
    EventKind.REJECT: MessageState.REJECTED,
    EventKind.RENDERING_FAILURE: MessageState.REJECTED,
    EventKind.OPEN: MessageState.DELIVERED,
    EventKind.CLICK: MessageState.DELIVERED,
    # Whatever SES says of a message, it has had it.
    EventKind.SUBSCRIPTION: MessageState.SENT,
    EventKind.UNRECOGNISED: MessageState.SENT,
}

MESSAGE_RANK: dict[MessageState, int] = {
    MessageState.QUEUED: 0,
    MessageState.PARKED: 0,
    MessageState.SENDING: 0,
    MessageState.UNKNOWN: 0,
    MessageState.HELD: 0,
    # Never sent, as far as we knew. An event proves the contrary, and the proof wins.
    MessageState.EXPIRED: 1,
    MessageState.SUPPRESSED: 1,
    MessageState.FAILED: 1,
    MessageState.SENT: 2,
    MessageState.DELIVERED: 3,
    MessageState.REJECTED: 4,
    MessageState.BOUNCED: 5,
    MessageState.COMPLAINED: 6,
}

RECIPIENT_RANK: dict[RecipientState, int] = {
    RecipientState.PENDING: 0,
    RecipientState.SUPPRESSED: 1,
    RecipientState.SENT: 2,
    RecipientState.DELAYED: 3,
    RecipientState.DELIVERED: 4,
    RecipientState.REJECTED: 5,
    RecipientState.BOUNCED: 6,
    RecipientState.COMPLAINED: 7,
}

# In these SES has the message or had it: whatever happens, it must not be sent again.
TAKEN_BY_SES = frozenset(
    state for state, rank in MESSAGE_RANK.items() if rank >= MESSAGE_RANK[MessageState.SENT]
)

FINAL = TAKEN_BY_SES | {MessageState.SUPPRESSED, MessageState.EXPIRED, MessageState.FAILED}


def further(state: MessageState, proven: MessageState) -> MessageState:
    """The message's state once that much is proven of it. Commutative and idempotent."""
    if MESSAGE_RANK[proven] <= MESSAGE_RANK[state]:
        return state
    return proven


def higher(state: RecipientState, proven: RecipientState) -> RecipientState:
    """The one of two recipient states that wins."""
    return proven if RECIPIENT_RANK[proven] > RECIPIENT_RANK[state] else state
