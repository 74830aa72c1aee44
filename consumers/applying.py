"""One thread joins what was received into large transactions, and has it deleted after each."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from config.failpoints import failpoint
from consumers.batches import apply_apart
from consumers.errors import GaveUpError
from consumers.metrics import unmatched
from consumers.policy import is_policy_refusal
from db import refused
from db.events import DEFAULT_POLICY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from config.suppression import SuppressionPolicy
    from consumers.backoff import Patience
    from consumers.batches import Refused, Understood
    from consumers.deleting import Deleters
    from consumers.envelopes import Notice
    from consumers.in_hand import Delivery, Hand
    from consumers.metrics import Metrics
    from db.event_types import Applied

log = structlog.get_logger(__name__)

NAME = "applier"
AFTER_A_DEFECT_SECONDS = 1.0
# A transaction that the database did not get done in time is tried again in smaller parts.
LEAST_AT_ONCE = 10
MOST_AT_ONCE = 1000


class Applier:
    """The one writer of a process: two of them would only wait for each other's rows."""

    def __init__(
        self,
        engine: Engine,
        hand: Hand,
        deleters: Deleters,
        metrics: Metrics,
        *,
        patience: Patience,
        stopping: threading.Event,
        policy: SuppressionPolicy = DEFAULT_POLICY,
    ) -> None:
        self._engine = engine
        self._hand = hand
        self._deleters = deleters
        self._metrics = metrics
        self._patience = patience
        self._stopping = stopping
        self._policy = policy
        self._at_once = MOST_AT_ONCE
        self.thread = threading.Thread(target=self.run, name=NAME, daemon=True)

    def run(self) -> None:
        """Go round until the hand is closed and empty. Every failure is waited out."""
        while not self._hand.is_exhausted:
            self._patience.beat()
            deliveries = self._hand.take()
            if deliveries:
                self._round(deliveries)

    def _round(self, deliveries: list[Delivery]) -> None:
        try:
            self._settle(deliveries)
        except GaveUpError:
            log.info("gave up for now", messages=_count(deliveries))
            self._leave(deliveries)
        except Exception:
            # The batch comes back by itself; a thread that is gone would not.
            log.exception("a batch failed", messages=_count(deliveries))
            self._leave(deliveries)
            self._stopping.wait(AFTER_A_DEFECT_SECONDS)

    def _leave(self, deliveries: Sequence[Delivery]) -> None:
        for each in deliveries:
            self._hand.done(each.messages)

    def _settle(self, deliveries: list[Delivery]) -> None:
        began = time.monotonic()
        events = [event for each in deliveries for event in each.batch.events]
        refusals = [refusal for each in deliveries for refusal in each.batch.refused]
        self._apply(events, refusals)
        failpoint("in_event_commit")
        self._hand.took(_count(deliveries), time.monotonic() - began)
        for each in deliveries:
            for notice in each.batch.notices:
                self._note(notice)
            self._deleters.delete(each.queue, each.messages)
        self._metrics.record_batch(_count(deliveries))
        log.info(
            "batch done",
            messages=_count(deliveries),
            events=len(events),
            refused=len(refusals),
            duration_ms=round((time.monotonic() - began) * 1000, 1),
        )

    def _apply(self, events: list[Understood], refusals: list[Refused]) -> None:
        """Everything goes to the database, so that all of it can be deleted.

        What has been written is not written again when a later part has to be.
        """
        left = list(events)
        spoilt = list(refusals)

        def apply_what_is_left() -> None:
            while left:
                part = left[: self._at_once]
                spoilt.extend(self._apply_part(part))
                del left[: len(part)]
            while spoilt:
                self._keep(spoilt[-1])
                spoilt.pop()

        self._patience.until_done("apply", partial(self._or_stall, apply_what_is_left))

    def _or_stall(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception:
            self._hand.stall()
            raise
        self._hand.go_on()

    def _apply_part(self, part: Sequence[Understood]) -> list[Refused]:
        try:
            refusals = apply_apart(self._engine, part, self._committed, self._policy)
        except Exception:
            self._at_once = max(LEAST_AT_ONCE, len(part) // 2)
            raise
        self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
        return refusals

    def _committed(self, applied: Applied) -> None:
        self._metrics.record_applied(applied)
        lone = unmatched(applied)
        if lone:
            log.warning("events match no message", events=len(lone))
        refusals = sum(map(is_policy_refusal, applied.bounces))
        if refusals:
            log.warning("servers refuse the sender (5.7.x): see to its reputation", count=refusals)
        # Made once: a lazy logger makes itself anew for every line, even if nobody sees it.
        told = log.bind()
        for event in applied.events:
            told.debug("event", kind=event.kind, message_id=event.message_id)
        log.info(
            "events committed",
            new=len(applied.events),
            bounces=len(applied.bounces),
            complaints=len(applied.complaints),
            suppressions=len(applied.suppressions),
        )

    def _keep(self, each: Refused) -> None:
        times_seen = refused.keep(
            self._engine,
            queue=each.message.queue,
            sqs_message_id=each.message.id,
            reason=each.reason,
            body=each.message.body,
            may_be_ours=each.may_be_ours,
        )
        if times_seen == 1:
            self._metrics.record_refused(each.refusal)
        log.warning(
            "message refused and kept",
            sqs_message_id=each.message.id,
            refusal=each.refusal,
            reason=each.reason,
            times_seen=times_seen,
        )

    def _note(self, notice: Notice) -> None:
        self._metrics.record_notice(notice.kind)
        log.info("notice", notice=notice.kind, topic_arn=notice.topic_arn)


def _count(deliveries: Sequence[Delivery]) -> int:
    return sum(len(each.messages) for each in deliveries)
