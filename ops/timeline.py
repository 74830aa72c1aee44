"""The life of a message as steps in time, and what about it nobody can know."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumers.envelopes import Notice
from consumers.errors import UnreadableEventError
from consumers.parsing import read
from db.states import TAKEN_BY_SES, MessageState
from ops.output import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from db.event_types import Bounce, Complaint, Event
    from db.suppression_changes import Change
    from db.timelines import EventRow, LedgerRow, OnRecord


@dataclass(frozen=True)
class Step:
    """Something that happened to the message, or to it for one address."""

    at: datetime
    what: str
    address: str | None = None
    details: str | None = None


# What an event says besides whom it is about, by SES's names: its object, and values of that.
_TOLD = {
    "delivery": ("delivery", ("smtpResponse", "reportingMTA")),
    "delivery_delay": ("deliveryDelay", ("delayType", "reportingMTA")),
    "reject": ("reject", ("reason",)),
    "rendering_failure": ("failure", ("errorMessage",)),
    "open": ("open", ("userAgent",)),
    "click": ("click", ("link", "userAgent")),
    "subscription": ("subscription", ("source", "contactList")),
}
# Our kinds that SES publishes under another name.
_PUBLISHED_AS = {"auto_reply": "bounce"}

_NO_LEDGER = (
    "What the ledger said of it: the ledger keeps it no longer, or another installation sent it. "
    "Only events of SES name it."
)


def steps(found: OnRecord) -> list[Step]:
    """All that happened, in the order of time."""
    told = [step for event in found.events for step in _of_event(event)]
    known = _told_by(found.events)
    told += [_bounced(each) for each in found.bounces if each.feedback_id not in known]
    told += [_complained(each) for each in found.complaints if each.feedback_id not in known]
    told += [step for each in found.changes if (step := _changed(each))]
    if found.message:
        told += _of_ledger(found.message)
    return sorted(told, key=lambda step: step.at)


def _told_by(events: Iterable[EventRow]) -> set[str]:
    """The feedback ids of the bounces and complaints whose events are still there."""
    read_again = [said for row in events if (said := _read(row)) is not None]
    bounces = {each.feedback_id for said in read_again for each in said.bounces}
    return bounces | {each.feedback_id for said in read_again for each in said.complaints}


def unknown(found: OnRecord) -> list[str]:
    """What cannot be told, and why."""
    message = found.message
    if message is None:
        return [_NO_LEDGER]
    return list(_gaps(message, found))


def _gaps(message: LedgerRow, found: OnRecord) -> Iterator[str]:
    if message.enqueued_at is None:
        yield "When it was enqueued: its job does not say so."
    if message.claims > 1:
        yield (
            f"How and when its claims before the last ended (there were {message.claims} in all): "
            "the ledger keeps their number and the last outcome."
        )
    if MessageState(message.state) in TAKEN_BY_SES and not found.events:
        yield _silence(message, found)
    if message.state in (MessageState.UNKNOWN, MessageState.HELD):
        yield "Whether SES took it: its answer was lost."


def _silence(message: LedgerRow, found: OnRecord) -> str:
    if message.state != MessageState.SENT or found.bounces or found.complaints:
        return "The events that told so: they are kept no longer."
    if message.provable:
        return "What became of it: no event of SES about it has come yet, or it is kept no longer."
    return "What became of it: SES publishes no events about it (no configuration set with events)."


def _of_ledger(message: LedgerRow) -> Iterator[Step]:
    if message.enqueued_at:
        yield Step(message.enqueued_at, "enqueued")
    yield Step(message.first_seen_at, "first taken by a worker")
    if message.sent_at:
        yield Step(message.sent_at, "accepted by SES", details=message.ses_message_id)
    else:
        why = (message.outcome_code, message.outcome_reason)
        yield Step(message.updated_at, _state(message), details=_joined(why))


def _state(message: LedgerRow) -> str:
    return f"{message.state} until {cell(message.due_at)}" if message.due_at else message.state


def _of_event(row: EventRow) -> list[Step]:
    event = _read(row)
    if event is None:
        return [Step(row.occurred_at, f"event: {row.kind}")]
    apart = [_bounced(each) for each in event.bounces]
    apart += [_complained(each) for each in event.complaints]
    details = _joined(_said(row))
    return apart or [
        Step(row.occurred_at, f"event: {row.kind}", address, details)
        for address in event.recipients or (None,)
    ]


def _read(row: EventRow) -> Event | None:
    """The event, read again from what was kept; None if that tells no more than its kind."""
    kind = _PUBLISHED_AS.get(row.kind, row.kind)
    try:
        said = read(json.dumps({**row.raw, "eventType": kind}), received_at=row.received_at)
    except UnreadableEventError:
        return None
    return None if isinstance(said, Notice) else said


def _said(row: EventRow) -> Iterable[object]:
    name, keys = _TOLD.get(row.kind, ("", ()))
    details = row.raw.get(name)
    return [details.get(key) for key in keys] if isinstance(details, dict) else ()


def _bounced(bounce: Bounce) -> Step:
    why = (bounce.status, bounce.diagnostic_code, bounce.reporting_mta)
    return Step(bounce.bounced_at, f"bounce: {bounce.cause}", bounce.address, _joined(why))


def _complained(complaint: Complaint) -> Step:
    what = complaint.complaint_type or complaint.complaint_subtype or "of no type"
    return Step(
        complaint.complained_at, f"complaint: {what}", complaint.address, complaint.user_agent
    )


_LIST = {"added": "put on the suppression list", "removed": "taken off the suppression list"}


def _changed(change: Change) -> Step | None:
    if change.changed_at is None:
        return None
    what = _LIST.get(change.action, "suppressed more strictly")
    where = "everywhere" if change.scope == "*" else f"in stream {change.scope}"
    return Step(change.changed_at, what, change.address, _joined((change.reason, where)))


def _joined(values: Iterable[object]) -> str | None:
    return ", ".join(str(value) for value in values if value) or None
