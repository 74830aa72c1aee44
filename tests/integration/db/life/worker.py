"""Workers that drive the ledger as `worker.delivery` and `worker.recorder` do, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from db import ledger
from db.claims import Busy, Claimed, Settled, claim
from db.ledger import Held, Why
from db.states import MESSAGE_RANK, MessageState
from life.view import row_of
from life.world import GRACE_SECONDS, LEASE_SECONDS, payload_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from life.world import Copy, World

WHY = Why("ACode", "a reason")
LONGEST_CALL_SECONDS = 25.0
RETRY_AFTER_SECONDS = 30.0


class Answer(StrEnum):
    """What a POST came to. `TAKEN_UNHEARD`: SES took it, and its answer was lost."""

    SENT = "sent"
    TAKEN_UNHEARD = "taken_unheard"
    NOT_TAKEN_UNHEARD = "not_taken_unheard"
    RETRY = "retry"
    REJECT = "reject"
    HALT = "halt"
    THROTTLED = "throttled"


TAKEN = {Answer.SENT, Answer.TAKEN_UNHEARD}
USES_AN_ATTEMPT = {Answer.RETRY, Answer.REJECT}


@dataclass(eq=False)
class Hand:
    """A worker's thread with one copy in hand, and how far it has come."""

    copy: Copy
    claimant: UUID = field(default_factory=uuid4)
    claimed: Claimed | None = None
    lease_ends: float = 0.0
    answer: Answer | None = None
    ses_message_id: str = ""

    def begin_again(self) -> None:
        """The claim was given back: the same thread claims afresh, as somebody new."""
        self.claimant, self.claimed, self.answer = uuid4(), None, None


class Workers:
    """All hands of all worker processes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._engine = world.engine
        self.hands: list[Hand] = []

    def receive(self, copy: Copy) -> Hand:
        """SQS hands a copy over, though another may still have it in hand."""
        hand = Hand(copy)
        self.hands.append(hand)
        return hand

    def crash(self, hand: Hand) -> None:
        """The process dies: its copy comes back, its claim stays."""
        self.hands.remove(hand)

    def claim(self, hand: Hand, *, heard: bool) -> None:
        """Ask for the claim; an answer that is lost is asked for again, later."""
        job = hand.copy.job
        asked_at, blocked = self._world.now, self._world.blocked(job)
        found = claim(
            self._engine,
            self._world.candidate(job, hand.claimant),
            lease_seconds=LEASE_SECONDS,
            grace_seconds=GRACE_SECONDS,
        )
        if isinstance(found, Claimed):
            assert found.blocked == blocked != set(job.recipients)
            assert job.expires_at is None or asked_at < job.expires_at
            assert job.send_at is None or asked_at > job.send_at
        if not heard:
            return
        if isinstance(found, Claimed):
            hand.claimed, hand.lease_ends = found, asked_at + LEASE_SECONDS
            return
        self.hands.remove(hand)
        if isinstance(found, Settled):
            self._world.delete(hand.copy)
        else:
            assert isinstance(found, Busy)

    def post(self, hand: Hand, answer: Answer) -> None:
        """Send under the claim, or give it back when its lease is nearly over."""
        assert hand.claimed
        if self._world.now + LONGEST_CALL_SECONDS > hand.lease_ends:
            self._write(hand, lambda held: ledger.release(self._engine, held))
            hand.begin_again()
            return
        hand.answer = answer
        if answer in TAKEN:
            hand.ses_message_id = self._world.accept(hand.copy.job)

    def record(self, hand: Hand, *, twice: bool = False, deleted: bool = True) -> None:
        """Write down what came of it. `twice`: the answer of the first write was lost."""
        assert hand.claimed
        answer, write = hand.answer, self._writer(hand)
        kept = self._write(hand, write)
        if kept and answer in USES_AN_ATTEMPT:
            self._world.used[hand.copy.job.id] += 1
        if twice:
            self._write(hand, write)
        if answer is Answer.THROTTLED:
            hand.begin_again()
            return
        self.hands.remove(hand)
        if deleted:
            self._world.delete(hand.copy)

    def _write(self, hand: Hand, write: Callable[[Held], bool]) -> bool:
        """Write, and see that a claim which is over changes nothing of a newer one."""
        assert hand.claimed
        job_id = hand.copy.job.id
        before = row_of(self._engine, job_id)
        kept = write(Held(job_id, hand.claimed.attempt))
        is_over = before.attempt != hand.claimed.attempt
        is_final = MESSAGE_RANK[MessageState(before.state)] > 0
        if is_over or (is_final and hand.answer is not Answer.SENT):
            assert not kept
            assert row_of(self._engine, job_id) == before
        return kept

    def _writer(self, hand: Hand) -> Callable[[Held], bool]:
        engine, payload = self._engine, payload_of(hand.copy.job)
        match hand.answer:
            case Answer.SENT:
                ses_id = hand.ses_message_id
                return lambda held: ledger.record_sent(engine, held, ses_message_id=ses_id)
            case Answer.REJECT:
                return lambda held: ledger.record_failed(engine, held, WHY)
            case Answer.THROTTLED:
                return lambda held: ledger.release(engine, held)
            case Answer.RETRY | Answer.HALT:
                return lambda held: ledger.park(
                    engine,
                    held,
                    WHY,
                    payload=payload,
                    after_seconds=RETRY_AFTER_SECONDS,
                    uses_attempt=hand.answer is Answer.RETRY,
                )
            case _:
                return lambda held: ledger.record_unknown(
                    engine, held, WHY, payload=payload, grace_seconds=GRACE_SECONDS
                )
