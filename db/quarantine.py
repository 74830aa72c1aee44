"""The refused messages of the event queues, as an operator sees and decides about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

from db.address_keys import encryption_of
from db.refused import storable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(frozen=True)
class Quarantined:
    """A refused message. `may_be_ours`: it may hide the event of a message of ours."""

    id: int
    queue: str
    sqs_message_id: str
    reason: str
    may_be_ours: bool
    times_seen: int
    first_seen_at: datetime
    last_seen_at: datetime


_COLUMNS = "id, queue, sqs_message_id, reason, may_be_ours, times_seen, first_seen_at, last_seen_at"
_QUEUES = bindparam("queues", type_=ARRAY(Text()))
_IDS = bindparam("ids", type_=ARRAY(BigInteger()))

_LIST = text(f"""
SELECT {_COLUMNS} FROM refused_messages
WHERE queue = ANY(:queues) AND discarded_at IS NULL AND id > :after
    AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))
ORDER BY id LIMIT :most
""").bindparams(_QUEUES, _IDS)  # noqa: S608  a constant

_COUNT = text("""
SELECT count(*) FROM refused_messages WHERE queue = ANY(:queues) AND discarded_at IS NULL
""").bindparams(_QUEUES)

_BODY = text("""
SELECT body FROM refused_messages WHERE queue = ANY(:queues) AND discarded_at IS NULL AND id = :id
""").bindparams(_QUEUES)

# Not seen anew: the doubt that it casts is about the time when it was.
_STILL_REFUSED = text("""
UPDATE refused_messages SET reason = :reason, may_be_ours = may_be_ours OR :may_be_ours
WHERE id = :id
""")

_SETTLED = text("DELETE FROM refused_messages WHERE id = ANY(:ids)").bindparams(_IDS)

# The row stays, without its content: it may have been an event of ours, and that it is not looked
# at any more makes no proof of its silence.
_DISCARD = text("""
UPDATE refused_messages SET body = '', discarded_at = now()
WHERE queue = ANY(:queues) AND discarded_at IS NULL
    AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(:ids))
RETURNING id
""").bindparams(_QUEUES, _IDS)


def quarantined(
    engine: Engine,
    queues: Sequence[str],
    *,
    most: int,
    ids: Sequence[int] | None = None,
    after: int = 0,
) -> list[Quarantined]:
    """The oldest first; None for `ids` means all. `after` is the id that a page begins behind."""
    terms = {"queues": list(queues), "ids": _listed(ids), "after": after, "most": most}
    with engine.begin() as connection:
        return [Quarantined(**row) for row in connection.execute(_LIST, terms).mappings()]


def count(engine: Engine, queues: Sequence[str]) -> int:
    """How many there are."""
    with engine.begin() as connection:
        return int(connection.execute(_COUNT, {"queues": list(queues)}).scalar_one())


def body(engine: Engine, queues: Sequence[str], quarantined_id: int) -> str | None:
    """The body of one, which holds addresses and content; None if there is no such message."""
    terms = {"queues": list(queues), "id": quarantined_id}
    with engine.begin() as connection:
        found: str | None = connection.scalar(_BODY, terms)
    keys = encryption_of(engine)
    return keys.open(found) if keys and found is not None else found


def still_refused(engine: Engine, quarantined_id: int, reason: str, *, may_be_ours: bool) -> None:
    """It was tried again, and stays for this reason."""
    terms = {"id": quarantined_id, "reason": storable(reason), "may_be_ours": may_be_ours}
    with engine.begin() as connection:
        connection.execute(_STILL_REFUSED, terms)


def settled(engine: Engine, ids: Sequence[int]) -> None:
    """Their events are committed: nothing is in doubt because of them any more."""
    with engine.begin() as connection:
        connection.execute(_SETTLED, {"ids": list(ids)})


def discard(engine: Engine, queues: Sequence[str], ids: Sequence[int] | None) -> list[int]:
    """Forget what they said, but not that they came; None means all. Answers which."""
    terms = {"queues": list(queues), "ids": _listed(ids)}
    with engine.begin() as connection:
        return [row.id for row in connection.execute(_DISCARD, terms)]


def _listed(ids: Sequence[int] | None) -> list[int] | None:
    return None if ids is None else list(ids)
