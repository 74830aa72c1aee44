"""Processes with keys, and all that the tables hold, for the tests of what is encrypted."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import text

from config.settings import load_settings
from db import key_status, rotating
from db.claims import Candidate, Claimed, claim
from db.engine import check, connect
from db.event_types import Bounce, Complaint, Event
from db.ledger import Held, Why, park, record_sent
from db.models import Base
from db.rotating_texts import TEXTS, turn_texts, turn_waiting
from db.states import EventKind, RecipientState
from db.suppressions import Suppression

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Engine


def key(name: str) -> str:
    """A key as an operator writes it."""
    return f"{name}:" + base64.b64encode(name[-1].encode() * 32).decode()


def keys(*names: str) -> str:
    """Several; `plain` is no key."""
    return ",".join(each if each == "plain" else key(each) for each in names)


class Processes:
    """Engines as processes have them, each with its keys."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._made: list[Engine] = []

    def start(self, digest: str = "", encryption: str = "") -> Engine:
        """A process that has started."""
        engine = self.connect(digest, encryption)
        check(engine)
        return engine

    def connect(self, digest: str = "", encryption: str = "") -> Engine:
        """Its connections alone."""
        settings = load_settings(
            database_url=self._url, address_keys=digest, encryption_keys=encryption
        )
        self._made.append(connect(settings))
        return self._made[-1]

    def close(self) -> None:
        """End all of them."""
        for each in self._made:
            each.dispose()


def rotate(engine: Engine) -> None:
    """All of `mailsluice keys rotate`."""
    rotating.turn(engine)
    for steps in (rotating.turn_plain(engine), rotating.turn_book(engine), turn_waiting(engine)):
        list(steps)
    for texts in TEXTS:
        list(turn_texts(engine, texts))
    rotating.finish(engine)
    key_status.retire(engine)


def everything(engine: Engine) -> str:
    """All that any column of any table holds, as text, and what base64 in it says."""
    told = []
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(text(f"SELECT t::text FROM {table.name} AS t"))  # noqa: S608
            told += [f"{table.name}: {row}" for row in rows.scalars()]
    return "\n".join(told)


def claimed(
    engine: Engine, *to: str, stream: str = "marketing", message_id: UUID | None = None
) -> tuple[Candidate, object]:
    """What a worker is told about a message to these."""
    job = {"to": list(to), "subject": "A secret", "text": "Hello"}
    candidate = Candidate(
        id=message_id or uuid4(), stream=stream, recipients=to, payload=job, provable=True
    )
    return candidate, claim(engine, candidate, lease_seconds=60, grace_seconds=300)


def sent(engine: Engine, *to: str) -> UUID:
    """A message that SES took."""
    candidate, won = claimed(engine, *to)
    assert isinstance(won, Claimed)
    record_sent(engine, Held(candidate.id, won.attempt), ses_message_id=f"ses-{candidate.id}")
    return candidate.id


def parked(engine: Engine, *to: str) -> UUID:
    """A message that waits, and is due."""
    candidate, won = claimed(engine, *to)
    assert isinstance(won, Claimed)
    held = Held(candidate.id, won.attempt)
    why = Why("Throttled", "a reason")
    park(engine, held, why, payload=candidate.payload, after_seconds=0, uses_attempt=False)
    return candidate.id


def bounce_of(address: str, *, message_id: UUID | None = None, soft: bool = False) -> Event:
    """A bounce, hard and with its suppression, or a soft one."""
    about = f"ses-{message_id or uuid4()}"
    raw = {"mail": {"destination": [address], "commonHeaders": {"subject": "A secret"}}}
    bounce = Bounce(
        address=address,
        bounce_type="Transient" if soft else "Permanent",
        bounce_subtype="General",
        feedback_id=f"feedback-{uuid4()}",
        bounced_at=datetime.now(UTC),
        is_soft=soft,
    )
    return Event(
        identity=f"bounce:{bounce.feedback_id}",
        kind=EventKind.BOUNCE,
        occurred_at=datetime.now(UTC),
        raw=raw,
        raw_text=json.dumps(raw),
        ses_message_id=about,
        message_id=message_id,
        recipients={address: RecipientState.BOUNCED},
        bounces=[bounce],
        suppressions=[] if soft else [Suppression(address, "bounce", "event")],
    )


def complaint_of(address: str, message_id: UUID) -> Event:
    """A complaint, with its suppression."""
    complaint = Complaint(address, f"feedback-{uuid4()}", datetime.now(UTC))
    return Event(
        identity=f"complaint:{complaint.feedback_id}",
        kind=EventKind.COMPLAINT,
        occurred_at=datetime.now(UTC),
        raw={"complaint": {"complainedRecipients": [{"emailAddress": address}]}},
        ses_message_id=f"ses-{message_id}",
        message_id=message_id,
        recipients={address: RecipientState.COMPLAINED},
        complaints=[complaint],
        suppressions=[Suppression(address, "complaint", "event")],
    )


def waits_for_a_lock(engine: Engine) -> bool:
    """Whether somebody in this database waits for another one's transaction."""
    with engine.begin() as connection:
        waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(connection.scalar(waiting))
