"""The history of the suppression list: every change, what caused it, and who made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from db.address_keys import keys_of
from db.address_revealing import reveal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Engine
    from sqlalchemy.types import TypeEngine

Action = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Change:
    """One change of the entry for an address and scope.

    `reason` is what spoke for the change, `entry_reason` and `entry_expires_at` what the entry
    says since then; a removed one says nothing. `source` is `event`, `operator`, `import`
    or `ses-account-list`, `by` the person's name, and `event` the identity of the event.
    """

    address: str
    scope: str
    action: Action
    source: str
    reason: str | None = None
    by: str | None = None
    event: str | None = None
    note: str | None = None
    message_id: UUID | None = None
    feedback_id: str | None = None
    entry_reason: str | None = None
    entry_expires_at: datetime | None = None
    changed_at: datetime | None = None


_WRITTEN = (
    "address",
    "scope",
    "action",
    "source",
    "reason",
    "by",
    "event",
    "note",
    "message_id",
    "feedback_id",
    "entry_reason",
    "entry_expires_at",
)
_TYPES: dict[str, TypeEngine[Any]] = {
    "message_id": Uuid(),
    "entry_expires_at": DateTime(timezone=True),
}

_WRITE = text(f"""
INSERT INTO email_suppression_changes ({", ".join(_WRITTEN)})
SELECT * FROM unnest({", ".join(f":{column}" for column in _WRITTEN)})
""").bindparams(  # noqa: S608  constants
    *(bindparam(column, type_=ARRAY(_TYPES.get(column, Text()))) for column in _WRITTEN)
)

_OF_ADDRESS = text(f"""
SELECT {", ".join(_WRITTEN)}, changed_at FROM email_suppression_changes
WHERE address = ANY(:names) ORDER BY id
""").bindparams(bindparam("names", type_=ARRAY(Text())))  # noqa: S608  constants


def write(connection: Connection, changes: Sequence[Change]) -> None:
    """Write changes down, in the transaction that makes them."""
    if changes:
        columns = {column: [getattr(each, column) for each in changes] for column in _WRITTEN}
        connection.execute(_WRITE, columns)


def history(engine: Engine, address: str) -> list[Change]:
    """All that ever happened to the entries of an address, the oldest first."""
    with engine.begin() as connection:
        return history_in(connection, address)


def history_in(connection: Connection, address: str) -> list[Change]:
    """`history`, as a part of the caller's transaction."""
    rows = connection.execute(
        _OF_ADDRESS, {"names": keys_of(connection.engine).names(address)}
    ).mappings()
    return reveal(connection, [Change(**row) for row in rows])
