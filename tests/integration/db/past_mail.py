"""A past for the tests: mail that was sent some time ago, and what was reported about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid

from db.event_types import Bounce, Complaint, Event
from db.events import apply
from db.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

_SEND = text("""
WITH sent AS (
    INSERT INTO email_messages (id, stream, state, attempt, sent_at, ses_message_id)
    SELECT id, :stream, 'sent', 1, now() - make_interval(secs => :seconds), 'ses-' || id
    FROM unnest(:ids) AS id RETURNING id
)
INSERT INTO email_recipients (message_id, address, state)
SELECT id, address, 'sent' FROM sent, unnest(:addresses) AS address
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())), bindparam("addresses", type_=ARRAY(Text())))


def sent(
    engine: Engine,
    stream: str,
    count: int = 1,
    *,
    to: Sequence[str] = ("ada@example.com",),
    hours_ago: float = 0.0,
) -> list[UUID]:
    """So many messages, each to all of these."""
    ids = [uuid4() for _ in range(count)]
    terms = {"ids": ids, "stream": stream, "addresses": list(to), "seconds": hours_ago * 3600}
    with engine.begin() as connection:
        connection.execute(_SEND, terms)
    return ids


def bounced(
    engine: Engine, ids: Sequence[UUID | None], address: str = "ada@example.com", **parts: Any
) -> None:
    """An event tells that each of these has bounced for the address."""
    events = []
    for message_id in ids:
        told = {"feedback_id": f"bounce-{message_id}", "bounced_at": datetime.now(UTC)}
        cause = {"bounce_type": "Permanent", "bounce_subtype": "General", "status": "5.1.1"}
        bounce = Bounce(address, **{**told, **cause, **parts})
        events.append(_event(EventKind.BOUNCE, message_id, bounce.feedback_id, bounces=[bounce]))
    apply(engine, events)


def complained(
    engine: Engine, ids: Sequence[UUID], *addresses: str, report: str = "", **parts: Any
) -> None:
    """One report for each of these says that one of the addresses has complained."""
    events = []
    for message_id in ids:
        feedback_id = f"complaint-{report}-{message_id}"
        complaints = [
            Complaint(address, feedback_id, datetime.now(UTC), **parts)
            for address in addresses or ("ada@example.com",)
        ]
        events.append(_event(EventKind.COMPLAINT, message_id, feedback_id, complaints=complaints))
    apply(engine, events)


def _event(kind: EventKind, message_id: UUID | None, identity: str, **parts: Any) -> Event:
    return Event(
        identity=identity,
        kind=kind,
        occurred_at=datetime.now(UTC),
        raw={},
        message_id=message_id,
        ses_message_id=f"ses-{message_id}",
        **parts,
    )
