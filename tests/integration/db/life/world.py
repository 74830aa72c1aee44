"""The oracle: all that lies outside the database. Time, SQS, SES and its events, and the truth.

Time is a number of seconds that passes when told. Everything of the database that bears a moment is
moved back instead, so that nobody waits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import text

from db.claims import Candidate
from db.event_types import Event
from db.states import EventKind, RecipientState
from db.suppressions import EVERYWHERE, Suppression

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine

LEASE_SECONDS = 60.0
GRACE_SECONDS = 300.0
# SES publishes within the grace time, or the grace time is too short.
PUBLISHED_WITHIN_SECONDS = 200.0

_MOMENTS = {
    "email_messages": ("lease_until", "due_at", "expires_at", "created_at", "updated_at"),
    "email_suppressions": ("created_at", "expires_at"),
    "refused_messages": ("first_seen_at", "last_seen_at"),
    "consumer_watermarks": ("drained_until",),
}


@dataclass(frozen=True)
class Job:
    """A message as its producer enqueued it; moments are the world's seconds."""

    id: UUID
    stream: str
    recipients: tuple[str, ...]
    provable: bool
    send_at: float | None
    expires_at: float | None


@dataclass(eq=False)
class Copy:
    """One SQS message. It may be in several hands: each time its visibility runs out, one more."""

    job: Job


@dataclass(eq=False)
class Published:
    """An event of SES on its way to the event queue, or in it."""

    event: Event
    arrives_by: float


class World:
    """The outside, which never forgets."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = 0.0
        self.jobs: dict[UUID, Job] = {}
        self.copies: list[Copy] = []
        self.accepted: Counter[UUID] = Counter()
        self.used: Counter[UUID] = Counter()
        self.in_flight: list[Published] = []
        self.event_queue: list[Published] = []
        self.suppressed: set[tuple[str, str]] = set()
        # What a person let go although SES may have it: that can be a second time.
        self.released_by_a_person: set[UUID] = set()
        # Events about these were not understood, so that the ledger may never hear the truth.
        self.unheard_of: set[UUID] = set()
        self._ses_ids: dict[UUID, str] = {}

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds go by, for the database and for everybody."""
        self.now += seconds
        with self.engine.begin() as connection:
            for table, columns in _MOMENTS.items():
                moved = ", ".join(
                    f"{each} = {each} - make_interval(secs => :s)" for each in columns
                )
                connection.execute(text(f"UPDATE {table} SET {moved}"), {"s": seconds})  # noqa: S608  constants
        for each in [each for each in self.in_flight if each.arrives_by <= self.now]:
            self.arrive(each)

    def enqueue(self, job: Job) -> None:
        """A producer was told that the job is queued: from now on it must not be lost."""
        self.jobs[job.id] = job
        self.copies.append(Copy(job))

    def delete(self, copy: Copy) -> None:
        """Delete an SQS message. An old receipt handle deletes it too, which is the worst case."""
        if copy in self.copies:
            self.copies.remove(copy)

    def candidate(self, job: Job, claimant: UUID) -> Candidate:
        """The job as a worker asks for it at this moment."""
        return Candidate(
            id=job.id,
            stream=job.stream,
            recipients=job.recipients,
            payload=payload_of(job),
            send_at=self._moment(job.send_at),
            expires_at=self._moment(job.expires_at),
            provable=job.provable,
            claimant=claimant,
        )

    def _moment(self, seconds: float | None) -> datetime | None:
        if seconds is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=seconds - self.now)

    def blocked(self, job: Job) -> frozenset[str]:
        """The recipients that must not be mailed, as things stand."""
        return frozenset(
            each
            for each in job.recipients
            if self.suppressed & {(each, EVERYWHERE), (each, job.stream)}
        )

    def accept(self, job: Job) -> str:
        """SES takes the message, and will say so if events are configured."""
        self.accepted[job.id] += 1
        ses_id = f"ses-{job.id}-{self.accepted[job.id]}"
        self._ses_ids[job.id] = ses_id
        if job.provable:
            self.publish(job, EventKind.SEND)
        return ses_id

    def publish(self, job: Job, kind: EventKind) -> None:
        """SES says something about a message that it took."""
        to = job.recipients[0]
        told = {EventKind.BOUNCE: "bounce", EventKind.COMPLAINT: "complaint"}.get(kind)
        proven = {
            EventKind.SEND: RecipientState.SENT,
            EventKind.DELIVERY: RecipientState.DELIVERED,
            EventKind.BOUNCE: RecipientState.BOUNCED,
            EventKind.COMPLAINT: RecipientState.COMPLAINED,
        }[kind]
        event = Event(
            identity=f"{kind}-{uuid4()}",
            kind=kind,
            occurred_at=datetime.now(UTC),
            raw={},
            ses_message_id=self._ses_ids[job.id],
            message_id=job.id,
            recipients={to: proven},
            suppressions=[Suppression(to, told, "event")] if told else [],
        )
        self.in_flight.append(Published(event, self.now + PUBLISHED_WITHIN_SECONDS))

    def arrive(self, published: Published) -> None:
        """The event comes to its queue."""
        self.in_flight.remove(published)
        self.event_queue.append(published)


def empty(engine: Engine) -> None:
    """Forget every earlier life."""
    tables = ("email_messages", "email_suppressions", "email_events", "refused_messages")
    with engine.begin() as connection:
        for table in (*tables, "consumer_watermarks"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  constants


def payload_of(job: Job) -> dict[str, str]:
    """What the ledger keeps of a job while no copy of it lies on SQS."""
    return {"id": str(job.id)}
