"""What the ledger says, and what must be true of it after every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.states import FINAL, MESSAGE_RANK, TAKEN_BY_SES, MessageState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Engine

    from life.world import Job, World

_ROWS = text("""
SELECT id, state, attempt, attempts_used, payload IS NOT NULL AS has_payload, claimant,
    ses_message_id
FROM email_messages
""")

# Among the states that are no end: from where a message may come into each.
_COMES_FROM: dict[str, set[str | None]] = {
    "queued": {"parked", "sending"},
    "sending": {None, "queued"},
    "parked": {None, "queued", "sending", "unknown", "held"},
    "unknown": {"sending"},
    "held": {"unknown"},
}
# A claim that nobody heard of keeps the job that its dispatcher had not yet put on SQS.
_KEEPS_ITS_JOB = {"parked", "unknown", "held", "queued", "sending"}


@dataclass(frozen=True)
class Row:
    """A message in the ledger."""

    id: UUID
    state: str
    attempt: int
    attempts_used: int
    has_payload: bool
    claimant: UUID | None
    ses_message_id: str | None


def rows_of(engine: Engine) -> dict[UUID, Row]:
    """The whole ledger."""
    with engine.begin() as connection:
        return {row.id: Row(**row._mapping) for row in connection.execute(_ROWS)}


def row_of(engine: Engine, message_id: UUID) -> Row:
    """One message, which must be there."""
    return rows_of(engine)[message_id]


def check(world: World, before: Mapping[UUID, Row], after: Mapping[UUID, Row]) -> None:
    """All that must hold, whatever was done."""
    for job in world.jobs.values():
        row = after.get(job.id)
        _never_lost(world, job, row)
        _never_twice(world, job)
        if row is not None:
            _moved_as_allowed(before.get(job.id), row)
            _never_proved_wrongly(world, job, before.get(job.id), row)
            assert row.attempts_used == world.used[job.id], "attempts count what is not their fault"


def _never_lost(world: World, job: Job, row: Row | None) -> None:
    if any(copy.job is job for copy in world.copies):
        return
    assert row, "neither on SQS nor in the ledger"
    is_kept = row.state in _KEEPS_ITS_JOB and row.has_payload
    assert is_kept or row.state in FINAL, f"lost: {row.state}, and no job anywhere"


def may_be_taken_again(world: World, job: Job) -> bool:
    """Whether the stream's policy, or a person, rather sends twice than not at all."""
    is_policy = not job.provable and job.stream == "transactional"
    return is_policy or job.id in world.released_by_a_person


def _never_twice(world: World, job: Job) -> None:
    assert world.accepted[job.id] <= 1 or may_be_taken_again(world, job), "accepted twice"


def _never_proved_wrongly(world: World, job: Job, before: Row | None, after: Row) -> None:
    """The second POST would come many steps later; the oracle knows at once."""
    is_to_go_again = before and before.state == "unknown" and after.state == "parked"
    if is_to_go_again and job.provable and job.id not in world.released_by_a_person:
        assert not world.accepted[job.id], "SES took it, and it is to be sent again"


def _moved_as_allowed(before: Row | None, after: Row) -> None:
    was = before.state if before else None
    if was == after.state:
        return
    rank = MESSAGE_RANK[MessageState(after.state)]
    if rank == 0:
        assert was in _COMES_FROM[after.state], f"{was} became {after.state}"
    elif was is not None:
        assert rank > MESSAGE_RANK[MessageState(was)], f"{was} became {after.state}"
        assert not after.has_payload, "an end that keeps its job"


def check_end(world: World, rows: Mapping[UUID, Row]) -> None:
    """Every message has come to its end, and that end is the truth."""
    for job in world.jobs.values():
        row = rows[job.id]
        assert row.state in FINAL, f"stuck: {row.state}"
        if row.state in TAKEN_BY_SES:
            assert world.accepted[job.id]
        elif job.provable and job.id not in world.unheard_of:
            assert not world.accepted[job.id], f"SES took it, and the ledger says {row.state}"
