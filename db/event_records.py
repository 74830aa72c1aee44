"""The rows that events leave: each event once, and each recipient of a bounce or complaint once.

One array a column, so that the number of rows changes neither a statement nor the count of its
parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, DateTime, Text, Uuid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import BindParameter, Connection, TextClause

    from db.event_types import Bounce, Complaint, Event

    Matched = Mapping[str, UUID]
    Feedback = TypeVar("Feedback", Bounce, Complaint)

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
    if column in ("is_soft", "suppresses"):
        return bindparam(column, type_=ARRAY(Boolean()))
    return bindparam(column, type_=ARRAY(Uuid() if column == "message_id" else Text()))


def _insert_once(table: str, columns: Sequence[str]) -> TextClause:
    names = (*columns, "message_id", "ses_message_id", "suppresses")
    values = ", ".join(f":{name}" for name in names)
    sql = f"""
    INSERT INTO {table} ({", ".join(names)}, created_at)
    SELECT *, clock_timestamp() FROM unnest({values})
    ON CONFLICT (feedback_id, address) DO NOTHING RETURNING feedback_id, address
    """  # noqa: S608  constants
    return text(sql).bindparams(*map(_array, names))


_KEEP_BOUNCES = _insert_once("email_bounces", _BOUNCE_COLUMNS)
_KEEP_COMPLAINTS = _insert_once("email_complaints", _COMPLAINT_COLUMNS)


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
    parameters["suppresses"] = [event.suppresses(each.address) for event, each in rows]
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
