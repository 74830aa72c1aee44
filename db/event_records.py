"""The rows that events leave: each event once, and each recipient of a bounce or complaint once.

One array a column, so that the number of rows changes neither a statement nor the count of its
parameters.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, DateTime, Text, Uuid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import BindParameter, Connection, TextClause

    from db.event_types import Bounce, Complaint, Event

    Matched = Mapping[str, UUID]
    Feedback = TypeVar("Feedback", Bounce, Complaint)

_EVENT_COLUMNS = ("identity", "kind", "message_id", "ses_message_id", "occurred_at", "proves")

_BOUNCE_COLUMNS = (
    "address",
    "bounce_type",
    "bounce_subtype",
    "feedback_id",
    "action",
    "status",
    "diagnostic_code",
    "reporting_mta",
    "remote_mta_ip",
    "bounced_at",
    "is_soft",
)

_COMPLAINT_COLUMNS = (
    "address",
    "complaint_type",
    "complaint_subtype",
    "feedback_id",
    "user_agent",
    "arrived_at",
    "complained_at",
)


def _array(column: str) -> BindParameter[Any]:
    if column.endswith("_at"):
        return bindparam(column, type_=ARRAY(DateTime(timezone=True)))
    if column.startswith("is_"):
        return bindparam(column, type_=ARRAY(Boolean()))
    return bindparam(column, type_=ARRAY(Uuid() if column == "message_id" else Text()))


# An event that matched no message joins one when it comes again and names it, or its message is in
# the ledger by then. The raw events are one JSON text: an array of texts full of quotes would cost
# ten times as much to escape.
_KEEP_EVENTS = text("""
INSERT INTO email_events AS e
    (identity, kind, message_id, ses_message_id, occurred_at, proves, raw)
SELECT identity, kind, message_id, ses_message_id, occurred_at, CAST(proves AS json), raw
FROM ROWS FROM (
    unnest(:identity, :kind, :message_id, :ses_message_id, :occurred_at, :proves),
    json_array_elements(CAST(:raw AS json))
) AS new (identity, kind, message_id, ses_message_id, occurred_at, proves, raw)
ON CONFLICT (identity) DO UPDATE SET message_id = excluded.message_id, proves = excluded.proves
WHERE excluded.message_id IS NOT NULL
    AND (e.message_id IS NULL OR (e.proves IS NOT NULL AND excluded.proves IS NULL))
RETURNING identity, xmax = 0 AS is_new
""").bindparams(*map(_array, _EVENT_COLUMNS))


def _insert_once(table: str, columns: Sequence[str]) -> TextClause:
    names = (*columns, "message_id", "ses_message_id")
    values = ", ".join(f":{name}" for name in names)
    sql = f"""
    INSERT INTO {table} ({", ".join(names)}) SELECT * FROM unnest({values})
    ON CONFLICT (feedback_id, address) DO NOTHING RETURNING feedback_id, address
    """  # noqa: S608  constants
    return text(sql).bindparams(*map(_array, names))


_KEEP_BOUNCES = _insert_once("email_bounces", _BOUNCE_COLUMNS)
_KEEP_COMPLAINTS = _insert_once("email_complaints", _COMPLAINT_COLUMNS)


def keep_events(
    connection: Connection, events: Sequence[Event], matched: Matched, ledger: Collection[UUID]
) -> tuple[list[Event], list[Event]]:
    """Keep each event once; answers those that are new, and those that now joined a message.

    One whose message is not in the `ledger` keeps what it proves until it is.
    """
    parameters = {
        "identity": [event.identity for event in events],
        "kind": [event.kind for event in events],
        "message_id": [matched.get(event.identity) for event in events],
        "ses_message_id": [event.ses_message_id for event in events],
        "occurred_at": [event.occurred_at for event in events],
        "proves": [_proof(event, matched, ledger) for event in events],
        "raw": json.dumps([dict(event.raw) for event in events], separators=(",", ":")),
    }
    written = {row.identity: row.is_new for row in connection.execute(_KEEP_EVENTS, parameters)}
    fresh = [event for event in events if written.get(event.identity) is True]
    joined = [event for event in events if written.get(event.identity) is False]
    return fresh, joined


def _proof(event: Event, matched: Matched, ledger: Collection[UUID]) -> str | None:
    message_id = matched.get(event.identity)
    is_nameless = message_id is None and event.ses_message_id is None
    if message_id in ledger or is_nameless:
        return None
    return json.dumps(dict(event.recipients))


def keep_bounces(connection: Connection, events: Sequence[Event], matched: Matched) -> list[Bounce]:
    """Keep each recipient of each bounce once; answers the new ones."""
    told = [(event, bounce) for event in events for bounce in event.bounces]
    return _keep_feedback(connection, _KEEP_BOUNCES, _BOUNCE_COLUMNS, told, matched)


def keep_complaints(
    connection: Connection, events: Sequence[Event], matched: Matched
) -> list[Complaint]:
    """Keep each recipient of each complaint once; answers the new ones."""
    told = [(event, complaint) for event in events for complaint in event.complaints]
    return _keep_feedback(connection, _KEEP_COMPLAINTS, _COMPLAINT_COLUMNS, told, matched)


def _keep_feedback(
    connection: Connection,
    statement: TextClause,
    columns: Sequence[str],
    told: Sequence[tuple[Event, Feedback]],
    matched: Matched,
) -> list[Feedback]:
    """In the order of the unique key that the insert takes locks in."""
    if not told:
        return []
    held = {(each.feedback_id, each.address): (event, each) for event, each in told}
    rows = [held[key] for key in sorted(held)]
    parameters: dict[str, list[Any]] = {
        column: [getattr(each, column) for _event, each in rows] for column in columns
    }
    parameters["message_id"] = [matched.get(event.identity) for event, _each in rows]
    parameters["ses_message_id"] = [event.ses_message_id for event, _each in rows]
    kept = {(row.feedback_id, row.address) for row in connection.execute(statement, parameters)}
    return [each for _event, each in rows if (each.feedback_id, each.address) in kept]


def _attach(table: str) -> TextClause:
    sql = f"""
    UPDATE {table} AS kept SET message_id = new.message_id
    FROM unnest(:address, :ses_message_id, :message_id) AS new (address, ses_message_id, message_id)
    WHERE kept.address = new.address AND kept.ses_message_id = new.ses_message_id
        AND kept.message_id IS NULL
    """  # noqa: S608  constants
    return text(sql).bindparams(*map(_array, ("address", "ses_message_id", "message_id")))


_ATTACH = [_attach("email_bounces"), _attach("email_complaints")]


def attach_feedback(connection: Connection, events: Sequence[Event], matched: Matched) -> None:
    """Tell the bounces and complaints of events that joined late which message they are about."""
    late = [(event, address) for event in events for address in event.recipients]
    if late:
        parameters = {
            "address": [address for _event, address in late],
            "ses_message_id": [event.ses_message_id for event, _address in late],
            "message_id": [matched[event.identity] for event, _address in late],
        }
        for statement in _ATTACH:
            connection.execute(statement, parameters)
