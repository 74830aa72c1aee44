"""Lists of bounces and complaints, the newest first. Each row is of one recipient, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.types import Text

from db.address_naming import known_name
from db.address_revealing import reveal
from db.patience import snapshot

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Engine, TextClause


@dataclass(frozen=True)
class BounceRow:
    """One recipient of a bounce; without a stream, its message is not in the ledger."""

    bounced_at: datetime
    address: str
    stream: str | None
    bounce_type: str
    bounce_subtype: str
    status: str | None
    action: str | None
    diagnostic_code: str | None
    reporting_mta: str | None
    is_soft: bool
    message_id: UUID | None
    ses_message_id: str | None
    feedback_id: str


@dataclass(frozen=True)
class ComplaintRow:
    """One recipient of a complaint; without a stream, its message is not in the ledger."""

    complained_at: datetime
    address: str
    stream: str | None
    complaint_type: str | None
    complaint_subtype: str | None
    user_agent: str | None
    arrived_at: datetime | None
    message_id: UUID | None
    ses_message_id: str | None
    feedback_id: str


Row = TypeVar("Row", BounceRow, ComplaintRow)

# The first moment of the last so many days, today included: days are those of UTC.
FIRST_MOMENT = "date_trunc('day', now(), 'UTC') - make_interval(days => :days - 1)"


def _latest(kind: type[BounceRow | ComplaintRow], table: str, at: str, which: str) -> TextClause:
    columns = (f"m.{name}" if name == "stream" else f"f.{name}" for name in _names(kind))
    sql = f"""
    SELECT {", ".join(columns)}
    FROM {table} AS f LEFT JOIN email_messages AS m ON m.id = f.message_id
    WHERE {which} ORDER BY f.{at} DESC, f.id DESC LIMIT :most
    """  # noqa: S608  constants
    return text(sql)


def _names(kind: type[BounceRow | ComplaintRow]) -> list[str]:
    return list(kind.__dataclass_fields__)


def _of_days(kind: type[BounceRow | ComplaintRow], table: str, at: str) -> TextClause:
    which = f"f.{at} >= {FIRST_MOMENT} AND (:stream IS NULL OR m.stream = :stream)"
    return _latest(kind, table, at, which).bindparams(bindparam("stream", type_=Text()))


_BOUNCES = _of_days(BounceRow, "email_bounces", "bounced_at")
_COMPLAINTS = _of_days(ComplaintRow, "email_complaints", "complained_at")
_BOUNCES_TO = _latest(BounceRow, "email_bounces", "bounced_at", "f.address = :address")
_COMPLAINTS_OF = _latest(ComplaintRow, "email_complaints", "complained_at", "f.address = :address")


def bounces(engine: Engine, *, days: int, stream: str | None, most: int) -> list[BounceRow]:
    """The bounces of the last days, today included, by when the recipient's server said so."""
    with snapshot(engine) as connection:
        return _rows(connection, _BOUNCES, BounceRow, days=days, stream=stream, most=most)


def complaints(engine: Engine, *, days: int, stream: str | None, most: int) -> list[ComplaintRow]:
    """The same for complaints."""
    with snapshot(engine) as connection:
        return _rows(connection, _COMPLAINTS, ComplaintRow, days=days, stream=stream, most=most)


def bounces_to(connection: Connection, address: str, *, most: int) -> list[BounceRow]:
    """The latest bounces of an address."""
    address = known_name(connection, address)
    return _rows(connection, _BOUNCES_TO, BounceRow, address=address, most=most)


def complaints_of(connection: Connection, address: str, *, most: int) -> list[ComplaintRow]:
    """The latest complaints of an address."""
    address = known_name(connection, address)
    return _rows(connection, _COMPLAINTS_OF, ComplaintRow, address=address, most=most)


def _rows(
    connection: Connection, statement: TextClause, kind: type[Row], **terms: object
) -> list[Row]:
    rows = [kind(**row) for row in connection.execute(statement, terms).mappings()]
    return reveal(connection, rows)
