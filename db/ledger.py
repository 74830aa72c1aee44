"""What became of a claimed message. Every write is fenced by the claim's `attempt`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from db.direct import Direct
from db.refused import storable
from db.sealed_texts import sealed_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Engine


@dataclass(frozen=True)
class Held:
    """A claim in somebody's hands: the message and the fencing number."""

    message_id: UUID
    attempt: int


@dataclass(frozen=True)
class Why:
    """SES's code, and a reason for people. Both stay in the ledger and reach no log."""

    code: str
    reason: str


# An event may have settled the message before its own sender could: never step back from that. A
# sender that was believed lost may come when the message already waits to be sent again: that SES
# took it counts, unless a new attempt has begun.
_SENT = Direct("""
WITH recorded AS (
    UPDATE email_messages SET
        state = CASE WHEN state IN ('sending', 'unknown', 'held', 'parked', 'queued')
            THEN 'sent' ELSE state END,
        ses_message_id = :ses_message_id,
        sent_at = coalesce(sent_at, now()),
        lease_until = NULL, due_at = NULL, payload = NULL,
        outcome_code = NULL, outcome_reason = NULL, updated_at = now()
    WHERE id = :id AND attempt = :attempt
        AND state NOT IN ('suppressed', 'expired', 'failed')
    RETURNING id
)
, addressed AS (
    UPDATE email_recipients SET state = 'sent', updated_at = now()
    WHERE message_id = (SELECT id FROM recorded) AND state = 'pending'
)
SELECT id FROM recorded
""")

# A claim whose lease ran out while its sender was slow is unknown by now, and its job lies nowhere
# but in the sender's hand: what the sender knows still counts, unless a new attempt has begun.
_FAILED = Direct("""
UPDATE email_messages SET state = 'failed', attempts_used = attempts_used + 1,
    lease_until = NULL, due_at = NULL, payload = NULL,
    outcome_code = :code, outcome_reason = :reason, updated_at = now()
WHERE id = :id AND attempt = :attempt AND state IN ('sending', 'unknown')
RETURNING id
""")

_PARKED = Direct("""
UPDATE email_messages SET state = :state,
    attempts_used = attempts_used + :attempts_used,
    lease_until = NULL, due_at = now() + make_interval(secs => :after_seconds),
    payload = :payload::json, outcome_code = :code, outcome_reason = :reason, updated_at = now()
WHERE id = :id AND attempt = :attempt AND state IN ('sending', 'unknown')
RETURNING id
""")

# A job that the ledger still holds may lie nowhere else: then it waits here, not on SQS.
_RELEASED = Direct("""
UPDATE email_messages SET lease_until = NULL, updated_at = now(),
    state = CASE WHEN payload IS NULL THEN 'queued' ELSE 'parked' END,
    due_at = CASE WHEN payload IS NOT NULL THEN now() END
WHERE id = :id AND attempt = :attempt AND state = 'sending'
RETURNING id
""")


def record_sent(engine: Engine, held: Held, *, ses_message_id: str) -> bool:
    """Commit, alone, that SES took the message. False if the claim is no longer ours."""
    return _write(engine, _SENT, held, ses_message_id=ses_message_id)


def record_failed(engine: Engine, held: Held, why: Why) -> bool:
    """End the message: it will not pass. False if the claim is no longer ours."""
    return _write(engine, _FAILED, held, **_told(why))


def park(
    engine: Engine,
    held: Held,
    why: Why,
    *,
    payload: Mapping[str, Any],
    after_seconds: float,
    uses_attempt: bool,
) -> bool:
    """Put the message aside; the scheduler dispatches it when it is due.

    False if the claim is no longer ours.
    """
    waiting = {
        "state": "parked",
        "after_seconds": after_seconds,
        "payload": sealed_json(engine, json.dumps(payload)),
    }
    used = {"attempts_used": int(uses_attempt)}
    return _write(engine, _PARKED, held, **waiting, **used, **_told(why))


def record_unknown(
    engine: Engine, held: Held, why: Why, *, payload: Mapping[str, Any], grace_seconds: float
) -> bool:
    """SES may have taken it: put it aside until an event tells. False if no longer ours."""
    waiting = {
        "state": "unknown",
        "after_seconds": grace_seconds,
        "payload": sealed_json(engine, json.dumps(payload)),
    }
    return _write(engine, _PARKED, held, **waiting, attempts_used=0, **_told(why))


def release(engine: Engine, held: Held) -> bool:
    """Give the claim back: nothing reached SES, and the job lies where it did before."""
    return _write(engine, _RELEASED, held)


def _told(why: Why) -> dict[str, str]:
    """SES's own words may hold anything, and an outcome must not fail to be recorded by them."""
    return {name: storable(told) for name, told in asdict(why).items()}


def _write(engine: Engine, statement: Direct, held: Held, **values: object) -> bool:
    row = statement.one_or_none(engine, id=held.message_id, attempt=held.attempt, **values)
    return row is not None
