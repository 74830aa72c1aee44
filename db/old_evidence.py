"""Evidence that was known before a person took the address off the list: it does not put it back.

SES tells one bounce in two forms, each with a feedback id of its own, and both may come late. Times
of events are not asked: SES's clock is not the database's. What was on record of the same mail and
address when the person decided was a part of that decision; what is told of other mail is news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.batch_sql import BatchStatement, array
from db.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from db.event_types import Event
    from db.suppressions import Suppression

# Rows from before there was the column: what the history says of them.
_SUPPRESSED = """
coalesce(known.suppresses, EXISTS (SELECT FROM email_suppression_changes AS h
    WHERE h.address = known.address AND h.feedback_id = known.feedback_id
        AND h.action <> 'removed'))
"""

# What this very transaction has brought is no older than the removal, whichever began first.
_SAME = f"""
EXISTS (SELECT FROM {{table}} AS known
    WHERE told.kind = '{{kind}}' AND known.address = told.address
        AND (known.ses_message_id = told.mail OR known.feedback_id = told.feedback_id)
        AND {{only}} AND {_SUPPRESSED} AND known.created_at < least(removal.at, now()))
"""

_OLD = BatchStatement(f"""
SELECT told.number
FROM unnest(:numbers::int[], :kinds::text[], :addresses::text[], :scopes::text[], :mails::text[],
    :feedback_ids::text[]) AS told (number, kind, address, scope, mail, feedback_id)
JOIN LATERAL (
    SELECT max(changed_at) AS at FROM email_suppression_changes AS c
    WHERE c.address = told.address AND c.scope = told.scope
        AND c.action = 'removed' AND c.source <> 'event'
) AS removal ON removal.at IS NOT NULL
WHERE {_SAME.format(table="email_bounces", kind=EventKind.BOUNCE, only="NOT known.is_soft")}
    OR {_SAME.format(table="email_complaints", kind=EventKind.COMPLAINT, only="true")}
""")  # noqa: S608  constants


def without_old(
    connection: Connection, wanted: Sequence[tuple[Event, Suppression]]
) -> list[Suppression]:
    """The suppressions that events ask for, but those that a person has decided about since."""
    judged = [
        (number, event, entry)
        for number, (event, entry) in enumerate(wanted)
        if event.kind in (EventKind.BOUNCE, EventKind.COMPLAINT)
    ]
    if not judged:
        return [entry for _event, entry in wanted]
    rows = _OLD.run(
        connection,
        numbers=array(number for number, _event, _entry in judged),
        kinds=array(event.kind for _number, event, _entry in judged),
        addresses=array(entry.address for _number, _event, entry in judged),
        scopes=array(entry.scope for _number, _event, entry in judged),
        mails=array(event.ses_message_id for _number, event, _entry in judged),
        feedback_ids=array(entry.feedback_id for _number, _event, entry in judged),
    )
    old = set(rows.scalars())
    return [entry for number, (_event, entry) in enumerate(wanted) if number not in old]
