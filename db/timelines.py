"""All that is on record about one message, as of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from db.address_revealing import reveal
from db.event_types import Bounce, Complaint
from db.patience import snapshot
from db.sealed_texts import opened_json
from db.suppression_changes import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Engine, TextClause


@dataclass(frozen=True)
class LedgerRow:
    """What the ledger says of a message.

    `claims` is how often a worker took it in hand, `lost_claims` how often one died with it, and
    `attempts_used` counts the attempts that were the message's own fault. `provable`: SES publishes
    events about it.
    """

    stream: str
    state: str
    claims: int
    attempts_used: int
    lost_claims: int
    enqueued_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime
    lease_until: datetime | None
    due_at: datetime | None
    expires_at: datetime | None
    sent_at: datetime | None
    ses_message_id: str | None
    outcome_code: str | None
    outcome_reason: str | None
    provable: bool


@dataclass(frozen=True)
class RecipientRow:
    """What the ledger says of one recipient."""

    address: str
    state: str
    delivered_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class EventRow:
    """An event of SES as it was kept."""

    identity: str
    kind: str
    occurred_at: datetime
    received_at: datetime
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class OnRecord:
    """What the tables hold about one message. No row of the ledger: it is not there any more."""

    message: LedgerRow | None
    recipients: Sequence[RecipientRow] = ()
    events: Sequence[EventRow] = ()
    bounces: Sequence[Bounce] = ()
    complaints: Sequence[Complaint] = ()
    changes: Sequence[Change] = ()


_MESSAGE = text("""
SELECT stream, state, attempt AS claims, attempts_used, lost_claims, enqueued_at,
    created_at AS first_seen_at, updated_at, lease_until, due_at, expires_at, sent_at,
    ses_message_id, outcome_code, outcome_reason, provable
FROM email_messages WHERE id = :id
""")

_RECIPIENTS = text("""
SELECT address, state, delivered_at, updated_at FROM email_recipients
WHERE message_id = :id ORDER BY address
""")

_EVENTS = text("""
SELECT identity, kind, occurred_at, received_at, raw FROM email_events
WHERE message_id = :id OR (message_id IS NULL AND ses_message_id = :ses_message_id)
ORDER BY occurred_at, id
""")


def _of_recipients(sql: str) -> TextClause:
    """By the addresses, for they have an index; a message has few."""
    return text(f"{sql} AND address = ANY(:addresses)").bindparams(
        bindparam("addresses", type_=ARRAY(Text()))
    )


_BOUNCES = _of_recipients("""
SELECT address, bounce_type, bounce_subtype, feedback_id, bounced_at, action, status,
    diagnostic_code, reporting_mta, remote_mta_ip, is_soft
FROM email_bounces WHERE message_id = :id
""")
_COMPLAINTS = _of_recipients("""
SELECT address, feedback_id, complained_at, complaint_type, complaint_subtype, user_agent,
    arrived_at
FROM email_complaints WHERE message_id = :id
""")
_CHANGES = _of_recipients("""
SELECT address, scope, action, source, reason, by, event, note, message_id, feedback_id,
    entry_reason, entry_expires_at, changed_at
FROM email_suppression_changes WHERE message_id = :id
""")


def on_record(engine: Engine, message_id: UUID) -> OnRecord | None:
    """Everything about one message, or None when neither a worker nor SES has named it."""
    with snapshot(engine) as connection:
        row = connection.execute(_MESSAGE, {"id": message_id}).mappings().one_or_none()
        message = LedgerRow(**row) if row else None
        terms = {"id": message_id, "ses_message_id": message and message.ses_message_id}
        events = [
            EventRow(**{**each, "raw": opened_json(connection, each["raw"])})
            for each in connection.execute(_EVENTS, terms).mappings()
        ]
        if message is None and not events:
            return None
        rows = connection.execute(_RECIPIENTS, {"id": message_id}).mappings()
        recipients = [RecipientRow(**each) for each in rows]
        feedback = _feedback(connection, message_id, recipients)
        return OnRecord(message, reveal(connection, recipients), events, **feedback)


def _feedback(
    connection: Connection, message_id: UUID, recipients: Sequence[RecipientRow]
) -> dict[str, Any]:
    terms = {"id": message_id, "addresses": [each.address for each in recipients]}
    wanted = {
        "bounces": (_BOUNCES, Bounce),
        "complaints": (_COMPLAINTS, Complaint),
        "changes": (_CHANGES, Change),
    }
    return {
        name: reveal(
            connection, [kind(**each) for each in connection.execute(statement, terms).mappings()]
        )
        for name, (statement, kind) in wanted.items()
    }
