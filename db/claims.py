"""The claim: the one statement that makes a message ours to send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from db import claim_names
from db.address_keys import LACKS_A_KEY, encryption_of, fingerprints, lacking
from db.direct import Direct, Row
from db.sealed_texts import sealed_json
from db.states import MessageState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine


@dataclass(frozen=True)
class Candidate:
    """A message as it came from the queue. `recipients` are normalised addresses."""

    id: UUID
    stream: str
    recipients: Sequence[str]
    payload: Mapping[str, Any]
    send_at: datetime | None = None
    expires_at: datetime | None = None
    enqueued_at: datetime | None = None
    # Whether SES publishes events about it: then their absence proves that SES never took it.
    provable: bool = False
    # Who claims: a claim whose answer was lost can be asked again, and recognises itself.
    claimant: UUID | None = None


@dataclass(frozen=True)
class Claimed:
    """Ours to send, once, until the lease ends.

    `attempt` is the fencing number for every later write; `attempts_used` counts the earlier
    attempts that were the message's own fault; `lost_claims` those whose worker died with it in
    hand; `blocked` are the recipients to leave out.
    """

    attempt: int
    attempts_used: int
    blocked: frozenset[str]
    enqueued_at: datetime | None
    lost_claims: int = 0
    #: Until `expires_at`, by the database's clock.
    expires_in_seconds: float | None = None


@dataclass(frozen=True)
class Settled:
    """Nothing to send: the ledger answers for the message, so its SQS message can go.

    `by_this_claim` is true when it was this claim that brought the message into its state.
    """

    state: MessageState
    by_this_claim: bool


@dataclass(frozen=True)
class Busy:
    """Another worker holds the lease for `seconds` more; its SQS message must stay."""

    seconds: float


# The lease of a message that is found `sending` has run out with its worker: SES may have taken
# it. It becomes unknown here, in the very statement that would otherwise send it again. One that
# the scheduler found unknown first gets its payload here.
#
# Events may know of a message what the ledger does not, as one restored from a backup: SES has had
# it, and sending it would be the second time. They join it when it is here (`event_joins`).
#
# Whoever was erased is on the list by a digest under one of the keys, and noted by that alone.
#
# What is ours to take: a message on its way back from the ledger, and one that this very caller has
# claimed already without hearing so.
_OURS = "(m.state = 'queued' OR (m.state = 'sending' AND m.claimant = :claimant))"

# Those of `addresses` that may not be mailed; `names` are what the list may know each of them by,
# one beside the other. `bench/suppressions.py` measures this very look-up.
BLOCKED = """
SELECT known.address, max(nullif(known.name, known.address)) AS digest
FROM unnest(:addresses::text[], :names::text[]) AS known (address, name)
JOIN email_suppressions AS s ON s.address = known.name
WHERE s.scope IN ('*', :stream) AND (s.expires_at IS NULL OR s.expires_at > now())
GROUP BY known.address
"""


def _statement(recipients: str, named: str, entered: str) -> Direct:
    return Direct(f"""
WITH recipients AS (
    {recipients}
), blocked AS (
    {BLOCKED}
), named AS (
    {named}
), verdict AS (
    SELECT CASE
        WHEN EXISTS (SELECT FROM email_events WHERE message_id = :id::uuid AND proves IS NOT NULL)
            THEN 'sent'
        WHEN :expires_at::timestamptz <= now() THEN 'expired'
        WHEN (SELECT count(*) FROM recipients) = (SELECT count(*) FROM blocked) THEN 'suppressed'
        WHEN :send_at::timestamptz > now() THEN 'parked'
        ELSE 'sending'
    END AS state
), claimed AS (
    INSERT INTO email_messages AS m
        (id, stream, state, attempt, claimant, lease_until, due_at, expires_at, enqueued_at,
        provable, payload, outcome_code, outcome_reason)
    SELECT :id, :stream::text, state,
        CASE state WHEN 'sending' THEN 1 ELSE 0 END,
        :claimant::uuid,
        CASE state WHEN 'sending' THEN now() + make_interval(secs => :lease_seconds) END,
        CASE state WHEN 'parked' THEN :send_at::timestamptz END,
        :expires_at::timestamptz, :enqueued_at::timestamptz, :provable,
        CASE state WHEN 'parked' THEN :payload::json END,
        CASE state
            WHEN 'expired' THEN 'Expired'
            WHEN 'suppressed' THEN 'Suppressed'
            WHEN 'parked' THEN 'Scheduled' END,
        CASE state
            WHEN 'expired' THEN 'Its time to be sent had passed (expires_at).'
            WHEN 'suppressed' THEN 'Every recipient is on the suppression list.'
            WHEN 'parked' THEN 'It is to be sent later (send_at).' END
    FROM verdict WHERE NOT {LACKS_A_KEY}
    ON CONFLICT (id) DO UPDATE SET
        state = CASE WHEN {_OURS} THEN excluded.state ELSE 'unknown' END,
        attempt = m.attempt + CASE WHEN {_OURS} THEN excluded.attempt ELSE 0 END,
        lost_claims = m.lost_claims
            + CASE WHEN m.state = 'sending' AND NOT {_OURS} THEN 1 ELSE 0 END,
        claimant = CASE WHEN {_OURS} THEN excluded.claimant ELSE m.claimant END,
        lease_until = CASE WHEN {_OURS} THEN excluded.lease_until END,
        due_at = CASE
            WHEN {_OURS} THEN excluded.due_at
            WHEN m.state = 'sending' THEN now() + make_interval(secs => :grace_seconds)
            ELSE m.due_at END,
        payload = CASE
            WHEN {_OURS} AND excluded.state NOT IN ('sending', 'parked') THEN NULL
            WHEN {_OURS} THEN coalesce(excluded.payload, m.payload)
            ELSE :payload::json END,
        provable = CASE WHEN {_OURS} THEN excluded.provable ELSE m.provable END,
        outcome_code = CASE
            WHEN {_OURS} THEN excluded.outcome_code
            WHEN m.state = 'sending' THEN 'LeaseExpired'
            ELSE m.outcome_code END,
        outcome_reason = CASE
            WHEN {_OURS} THEN excluded.outcome_reason
            WHEN m.state = 'sending'
                THEN 'the worker ended before it could record an outcome'
            ELSE m.outcome_reason END,
        updated_at = now()
    WHERE {_OURS}
        OR (m.state = 'sending' AND m.lease_until < now())
        OR (m.state = 'unknown' AND m.payload IS NULL)
    RETURNING m.id, m.state, m.attempt, m.attempts_used, m.enqueued_at, m.lost_claims
), entered AS (
    {entered}
), noted AS (
    INSERT INTO email_recipients AS r (message_id, address, state)
    SELECT claimed.id, named.name, CASE WHEN is_blocked THEN 'suppressed' ELSE 'pending' END
    FROM claimed, named
    WHERE claimed.state <> 'unknown'
    ON CONFLICT (message_id, address) DO UPDATE SET state = excluded.state, updated_at = now()
    WHERE r.state IN ('pending', 'suppressed') AND r.state <> excluded.state
)
SELECT state, attempt, attempts_used, enqueued_at, lost_claims,
    EXTRACT(epoch FROM :expires_at::timestamptz - now())::float AS expires_in_seconds,
    ARRAY(SELECT address FROM blocked) AS blocked
FROM claimed
""")  # noqa: S608  a constant


_CLAIM = _statement(claim_names.RECIPIENTS, claim_names.NAMED, claim_names.ENTERED)
_SEALED_CLAIM = _statement(
    claim_names.SEALED_RECIPIENTS, claim_names.SEALED_NAMED, claim_names.SEALED_ENTERED
)

_HOLDER = Direct(f"""
SELECT {LACKS_A_KEY} AS lacks_a_key, m.state,
    EXTRACT(epoch FROM m.lease_until - now())::float AS lease_seconds
FROM (SELECT) AS one LEFT JOIN email_messages AS m ON m.id = :id
""")  # noqa: S608  a constant


def claim(
    engine: Engine, candidate: Candidate, *, lease_seconds: float, grace_seconds: float
) -> Claimed | Settled | Busy:
    """Check expiry, suppression and who else has the message, and take the lease: one statement.

    A suppression that was committed before this call is always honoured. `grace_seconds` is how
    long an outcome that turns out to be unknown waits to become known.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away; nothing was claimed.
        KeysMissingError: a key came into use that is not configured here; nothing was claimed.
    """
    parameters = {
        **claim_names.parameters(engine, sorted(set(candidate.recipients))),
        "id": candidate.id,
        "stream": candidate.stream,
        "payload": sealed_json(engine, json.dumps(candidate.payload)),
        "send_at": candidate.send_at,
        "expires_at": candidate.expires_at,
        "enqueued_at": candidate.enqueued_at,
        "provable": candidate.provable,
        "claimant": candidate.claimant,
        "lease_seconds": lease_seconds,
        "grace_seconds": grace_seconds,
    }
    statement = _SEALED_CLAIM if encryption_of(engine) else _CLAIM
    row = statement.one_or_none(engine, **parameters)
    return _lost(engine, candidate.id) if row is None else _won(row)


def _won(row: Row) -> Claimed | Settled:
    if row.state != MessageState.SENDING:
        return Settled(MessageState(row.state), by_this_claim=True)
    blocked = frozenset(row.blocked)
    return Claimed(
        row.attempt,
        row.attempts_used,
        blocked,
        row.enqueued_at,
        lost_claims=row.lost_claims,
        expires_in_seconds=row.expires_in_seconds,
    )


def _lost(engine: Engine, message_id: UUID) -> Settled | Busy:
    row = _HOLDER.one_or_none(engine, id=message_id, fingerprints=fingerprints(engine))
    if row is not None and row.lacks_a_key:
        raise lacking()
    if row is None or row.state is None:
        raise LookupError("A message that another worker had claimed has gone from the ledger.")
    if row.state in (MessageState.SENDING, MessageState.QUEUED):
        return Busy(max(0.0, row.lease_seconds or 0.0))
    return Settled(MessageState(row.state), by_this_claim=False)
