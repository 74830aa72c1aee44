"""What SES says of messages, as events that are understood already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from db.claims import Candidate, Claimed, claim
from db.event_types import Bounce, Complaint, Event
from db.ledger import Held, record_sent
from db.states import EventKind, RecipientState
from db.suppressions import Suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

DAY = timedelta(days=1)
# Whole milliseconds, as SES writes them.
NOW = datetime.now(UTC).replace(microsecond=0)


def a_claim(
    engine: Engine, to: Sequence[str], *, stream: str = "marketing", message_id: UUID | None = None
) -> object:
    """What a worker is told about a message."""
    candidate = Candidate(
        id=message_id or uuid4(), stream=stream, recipients=to, payload={"id": "job"}
    )
    return claim(engine, candidate, lease_seconds=60, grace_seconds=300)


def a_sent_message(
    engine: Engine, *to: str, stream: str = "marketing", message_id: UUID | None = None
) -> UUID:
    """A message in the ledger that SES took, as `ses_id` of it."""
    message_id = message_id or uuid4()
    won = a_claim(engine, to, stream=stream, message_id=message_id)
    assert isinstance(won, Claimed), won
    assert record_sent(engine, Held(message_id, won.attempt), ses_message_id=ses_id(message_id))
    return message_id


def ses_id(message_id: UUID) -> str:
    """SES's id of a message of ours."""
    return f"ses-{message_id}"


def an_event(
    kind: EventKind, message_id: UUID, at: datetime = NOW, *, tagged: bool = True, **parts: object
) -> Event:
    """An event about a message; without our tag if not `tagged`."""
    about = {
        "identity": f"{kind}:{message_id}:{at.isoformat()}",
        "kind": kind,
        "occurred_at": at,
        "raw": {"kind": kind},
        "ses_message_id": ses_id(message_id),
        "message_id": message_id if tagged else None,
    }
    return Event(**{**about, **parts})


def a_delivery(message_id: UUID, *to: str, at: datetime = NOW, tagged: bool = True) -> Event:
    """The servers of these recipients took it."""
    proven = dict.fromkeys(to, RecipientState.DELIVERED)
    return an_event(EventKind.DELIVERY, message_id, at, tagged=tagged, recipients=proven)


def a_soft_bounce(message_id: UUID, to: str, *, at: datetime = NOW, tagged: bool = True) -> Event:
    """A mailbox that is full."""
    feedback = f"soft:{message_id}:{at.isoformat()}"
    bounce = Bounce(to, "Transient", "MailboxFull", feedback, at, status="4.2.2", is_soft=True)
    return an_event(
        EventKind.BOUNCE,
        message_id,
        at,
        tagged=tagged,
        bounces=[bounce],
        recipients={to: RecipientState.BOUNCED},
    )


def a_hard_bounce(message_id: UUID, to: str, *, at: datetime = NOW, tagged: bool = True) -> Event:
    """A mailbox that is not there."""
    feedback = f"hard:{message_id}"
    return an_event(
        EventKind.BOUNCE,
        message_id,
        at,
        tagged=tagged,
        identity=f"hard:{message_id}",
        bounces=[Bounce(to, "Permanent", "General", feedback, at, status="5.1.1")],
        recipients={to: RecipientState.BOUNCED},
        suppressions=[Suppression(to, "bounce", "event", feedback_id=feedback)],
    )


def a_complaint(message_id: UUID, to: str, *, at: datetime = NOW, tagged: bool = True) -> Event:
    """Somebody calls it spam."""
    feedback = f"complaint:{message_id}"
    return an_event(
        EventKind.COMPLAINT,
        message_id,
        at,
        tagged=tagged,
        complaints=[Complaint(to, feedback, at, complaint_type="abuse")],
        recipients={to: RecipientState.COMPLAINED},
        suppressions=[Suppression(to, "complaint", "event", feedback_id=feedback)],
    )


def an_unsubscribe(message_id: UUID, to: str, *, at: datetime = NOW, **parts: object) -> Event:
    """Somebody has enough."""
    wish = Suppression(to, "unsubscribe", "event", note="UnsubscribeHeader")
    return an_event(EventKind.SUBSCRIPTION, message_id, at, **{"suppressions": [wish], **parts})
