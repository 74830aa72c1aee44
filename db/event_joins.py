"""Events that came before their message was in the ledger join it once it is there.

A bounce without our tag may outrun the record of the send that it is about; and a ledger that was
restored from a backup learns from its events what it had forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text, Uuid

from db.event_names import by_name
from db.event_records import attach_feedback
from db.event_states import move_messages, move_recipients
from db.event_suppressions import suppress
from db.event_types import Event
from db.states import EventKind, RecipientState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Engine, TextClause

    from config.suppression import SuppressionPolicy

AT_ONCE = 500

_WAITING = """
SELECT e.identity, e.kind, e.occurred_at, e.ses_message_id, e.proves, m.id AS message_id
FROM email_events AS e JOIN email_messages AS m ON {same}
WHERE e.proves IS NOT NULL AND {which}
ORDER BY e.identity LIMIT :most FOR UPDATE OF e SKIP LOCKED
"""

_RECENT = "e.received_at > now() - make_interval(secs => :within_seconds)"

_TAGGED = text(_WAITING.format(same="m.id = e.message_id", which="true"))
_UNTAGGED = text(
    _WAITING.format(
        same="m.ses_message_id = e.ses_message_id", which=f"e.message_id IS NULL AND {_RECENT}"
    )
)

_JOINED = text("""
UPDATE email_events AS e SET message_id = new.message_id, proves = NULL
FROM unnest(:identities, :message_ids) AS new (identity, message_id)
WHERE e.identity = new.identity
""").bindparams(
    bindparam("identities", type_=ARRAY(Text())), bindparam("message_ids", type_=ARRAY(Uuid()))
)


def join_tagged(engine: Engine, policy: SuppressionPolicy) -> int:
    """Join waiting events to the messages that they name; answers how many, at most `AT_ONCE`."""
    return _join(engine, _TAGGED, {"most": AT_ONCE}, policy)


def join_untagged(engine: Engine, policy: SuppressionPolicy, *, within_seconds: float) -> int:
    """The same for events without our tag that came lately, by SES's message id.

    The mail of others in the same account never finds its message: hence only lately.
    """
    parameters = {"most": AT_ONCE, "within_seconds": within_seconds}
    return _join(engine, _UNTAGGED, parameters, policy)


def _join(
    engine: Engine, waiting: TextClause, parameters: Mapping[str, float], policy: SuppressionPolicy
) -> int:
    with engine.begin() as connection:
        rows = connection.execute(waiting, parameters).all()
        if not rows:
            return 0
        events = [
            Event(
                identity=row.identity,
                kind=EventKind(row.kind),
                occurred_at=row.occurred_at,
                raw={},
                ses_message_id=row.ses_message_id,
                message_id=row.message_id,
                recipients={each: RecipientState(state) for each, state in row.proves.items()},
            )
            for row in rows
        ]
        events = by_name(connection, events)
        _settle(connection, events, {row.identity: row.message_id for row in rows}, policy)
        return len(rows)


def _settle(
    connection: Connection,
    events: Sequence[Event],
    matched: Mapping[str, UUID],
    policy: SuppressionPolicy,
) -> None:
    move_messages(connection, events, matched)
    move_recipients(connection, events, matched)
    attach_feedback(connection, events, matched)
    suppress(connection, [], events, matched=matched, streams={}, policy=policy)
    connection.execute(
        _JOINED, {"identities": list(matched), "message_ids": list(matched.values())}
    )
