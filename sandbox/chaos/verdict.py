"""The verdict on a scenario: what was enqueued, what SES accepted, and what the ledger says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from config.tags import MESSAGE_ID_TAG
from db.models import EmailMessage
from db.states import FINAL, TAKEN_BY_SES, MessageState
from sandbox.chaos.rates import most_above, most_unexplained

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Engine

    from sandbox.aws.stalls import Stall
    from sandbox.aws.truth import Send
    from sandbox.chaos.rates import Rates

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FEW = 5


@dataclass(frozen=True)
class Traffic:
    """What went in: messages that are to be sent, and some to a suppressed address that are not."""

    mailable: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        return self.mailable | self.suppressed


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is held against each other once nothing moves any more."""

    traffic: Traffic
    states: dict[str, str]  # what the ledger says of each id
    parked: frozenset[str]  # of these, the parked ones whose time is still to come
    sends: list[Send]
    stalls: list[Stall] = field(default_factory=list)  # of the simulator
    on_queues: frozenset[str]
    dead: list[str]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One scenario's result. Lists hold message ids; `over_rate` is in recipients.

    Attributes:
        disturbances: Processes killed, servers restarted, and so on.
        lost: Neither accepted by SES nor waiting; a message that an outage made `failed` too.
        twice: Accepted by SES more than once.
        suppressed_but_sent: Accepted although the address was suppressed before.
        over_rate: How far the worst sliding second was above the rate in force.
        too_fast: The same beyond what the simulator's own lateness explains.
        stuck: Neither at their end nor parked with a time.
        dead: In a dead-letter queue.
        broken: What else does not hold, in sentences.
        seconds: How long it took, with the time to settle.
    """

    scenario: str
    messages: int
    disturbances: int
    lost: list[str]
    twice: list[str]
    suppressed_but_sent: list[str]
    over_rate: int
    stuck: list[str]
    dead: list[str]
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0
    too_fast: int = 0

    def problems(self) -> list[str]:
        """What is not as promised; empty if all is well."""
        counted = {
            "lost": self.lost,
            "accepted twice": self.twice,
            "suppressed but sent": self.suppressed_but_sent,
            "stuck": self.stuck,
            "in a dead-letter queue": self.dead,
        }
        found = [f"{len(ids)} {what}: {_few(ids)}" for what, ids in counted.items() if ids]
        if self.too_fast:
            found.append(f"{self.over_rate} recipients above the rate in one second")
        return found + self.broken


def judge(
    evidence: Evidence,
    *,
    scenario: str,
    disturbances: int,
    rates: Rates,
    broken: Iterable[str],
    seconds: float,
) -> Verdict:
    """Hold everything against each other."""
    ids = evidence.traffic.ids
    ours = [send for send in evidence.sends if send.tags.get(MESSAGE_ID_TAG) in ids]
    accepted = Counter(send.tags[MESSAGE_ID_TAG] for send in ours)
    stuck = {each for each in ids if _is_stuck(each, evidence)}
    return Verdict(
        scenario=scenario,
        messages=len(ids),
        disturbances=disturbances,
        lost=_lost(evidence, set(accepted), stuck),
        twice=sorted(each for each, times in accepted.items() if times > 1),
        suppressed_but_sent=sorted(evidence.traffic.suppressed & set(accepted)),
        over_rate=most_above(evidence.sends, rates),
        too_fast=most_unexplained(evidence.sends, rates, evidence.stalls),
        stuck=sorted(stuck),
        dead=evidence.dead,
        broken=[*broken, *_contradictions(evidence, set(accepted))],
        seconds=seconds,
    )


def read_ledger(engine: Engine, ids: Collection[str]) -> tuple[dict[str, str], frozenset[str]]:
    """The state of each of these messages, and which are parked with a time that is to come."""
    in_time = EmailMessage.due_at > func.now()
    query = select(EmailMessage.id, EmailMessage.state, in_time.label("in_time"))
    with engine.begin() as connection:
        rows = [row for row in connection.execute(query) if str(row.id) in ids]
    states = {str(row.id): row.state for row in rows}
    parked = {str(row.id) for row in rows if row.state == MessageState.PARKED and row.in_time}
    return states, frozenset(parked)


def unsettled(engine: Engine, ids: Collection[str]) -> int:
    """How many of these messages the ledger does not yet know at their end."""
    query = select(EmailMessage.id).where(or_(*(EmailMessage.state == each for each in FINAL)))
    with engine.begin() as connection:
        return len(ids) - sum(str(row.id) in ids for row in connection.execute(query))


def ids_in(bodies: Iterable[str]) -> list[str]:
    """The message ids that lie in the bodies of a queue, one for each body."""
    return [found.group() if (found := _UUID.search(body)) else body[:36] for body in bodies]


def _is_stuck(message_id: str, evidence: Evidence) -> bool:
    state = evidence.states.get(message_id)
    if state is None:
        return message_id in evidence.on_queues
    return state not in FINAL and message_id not in evidence.parked


def _lost(evidence: Evidence, accepted: set[str], stuck: set[str]) -> list[str]:
    accounted = accepted | stuck | evidence.parked | set(evidence.dead)
    held_back = {
        each
        for each in evidence.traffic.suppressed
        if evidence.states.get(each) == MessageState.SUPPRESSED
    }
    return sorted(evidence.traffic.ids - accounted - held_back)


def _contradictions(evidence: Evidence, accepted: set[str]) -> list[str]:
    by_ledger = {each for each, state in evidence.states.items() if state in TAKEN_BY_SES}
    return [
        f"{len(ids)} accepted only by {whom}: {_few(sorted(ids))}"
        for whom, ids in (("SES", accepted - by_ledger), ("the ledger", by_ledger - accepted))
        if ids
    ]


def _few(ids: list[str]) -> str:
    return ", ".join(ids[:_FEW]) + (", …" if len(ids) > _FEW else "")
