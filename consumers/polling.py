"""The loop: receive, understand, apply in one transaction, and only then delete."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from config.failpoints import failpoint
from consumers.backoff import Patience
from consumers.batches import apply_apart, understand, without
from consumers.errors import CertificateUnavailableError, GaveUpError, NotDeletedError
from consumers.metrics import unmatched
from consumers.policy import is_policy_refusal
from consumers.queues import MESSAGES_PER_CALL
from consumers.witness import Witness
from db import refused
from db.events import DEFAULT_POLICY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from config.health import Progress
    from config.suppression import SuppressionPolicy
    from consumers.batches import Batch, Refused
    from consumers.envelopes import Notice
    from consumers.metrics import Metrics
    from consumers.queues import EventQueue, QueueMessage
    from db.event_types import Applied

log = structlog.get_logger(__name__)

BATCH_MESSAGES = 100
DELETE_ATTEMPTS = 3

# What SQS hands to a poll that is left behind stays hidden for minutes: polls are short, and each
# is waited for at the end.
LONGEST_POLL_SECONDS = 2
IDLE_GRACE_SECONDS = 3.0
BATCH_GRACE_SECONDS = 8.0

AFTER_A_DEFECT_SECONDS = 1.0


@dataclass(frozen=True)
class Tools:
    """What the pollers of a process share. `lag_seconds`: how far SQS's counts may be behind."""

    queue: EventQueue
    engine: Engine
    metrics: Metrics
    progress: Progress
    stopping: threading.Event
    lag_seconds: float
    policy: SuppressionPolicy = DEFAULT_POLICY


class Poller:
    """One thread that drains the queue until `stopping` is set."""

    def __init__(self, name: str, tools: Tools, *, wait_seconds: int) -> None:
        self.name = name
        self._queue = tools.queue
        self._engine = tools.engine
        self._metrics = tools.metrics
        self._stopping = tools.stopping
        self._policy = tools.policy
        self._wait_seconds = wait_seconds
        self._patience = Patience(name, tools.metrics, tools.progress, tools.stopping)
        self._witness = Witness(tools.queue, tools.engine, lag_seconds=tools.lag_seconds)
        self._in_hand = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._thread.start()

    def finish(self, stopped_at: float) -> bool:
        """Wait for the batch in hand, but not for a long poll; answers whether it has ended.

        `stopped_at` is when the pollers were told to stop, by the monotonic clock.
        """
        self._join_until(stopped_at + IDLE_GRACE_SECONDS)
        if self._in_hand.is_set():
            self._join_until(stopped_at + BATCH_GRACE_SECONDS)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Go round until told to stop. Every failure is waited out."""
        while not self._stopping.is_set():
            try:
                self._round()
            except GaveUpError:
                log.info("gave up for now", poller=self.name)
            except Exception:
                # The batch comes back by itself; a poller that is gone would not.
                log.exception("a round failed", poller=self.name)
                self._stopping.wait(AFTER_A_DEFECT_SECONDS)

    def _join_until(self, moment: float) -> None:
        self._thread.join(max(0.0, moment - time.monotonic()))

    def _round(self) -> None:
        messages = self._patience.until_done("receive", self._receive)
        if messages:
            try:
                self._settle(messages)
            finally:
                self._in_hand.clear()
        # What it cannot see now it looks at again; the events do not wait for it.
        with suppress(GaveUpError):
            self._patience.until_done("watermark", self._witness.look, attempts=1)

    def _receive(self) -> list[QueueMessage]:
        """What there is, and more while the queue is deep."""
        messages = last = self._queue.receive(wait_seconds=self._wait_seconds)
        if messages:
            self._in_hand.set()
        while len(last) == MESSAGES_PER_CALL and len(messages) < BATCH_MESSAGES:
            last = self._receive_more()
            messages = messages + last
        return messages

    def _receive_more(self) -> list[QueueMessage]:
        """What is in hand comes first: a failure here is the next round's to meet again."""
        receive = partial(self._queue.receive, wait_seconds=0)
        try:
            return self._patience.until_done("receive", receive, attempts=1)
        except GaveUpError:
            return []

    def _settle(self, messages: list[QueueMessage]) -> None:
        began = time.monotonic()
        batch = understand(messages, self._queue.admit)
        self._finish(batch, without(messages, batch.unproven), began)
        # What needs no certificate that must be fetched first did not wait for it.
        while batch.unproven:
            unproven = batch.unproven
            batch = self._proved(unproven)
            self._finish(batch, without(unproven, batch.unproven), began)

    def _proved(self, messages: list[QueueMessage]) -> Batch:
        """What they say, as soon as the certificate of any of them could be fetched."""

        def prove() -> Batch:
            batch = understand(messages, self._queue.admit_fetching)
            if len(batch.unproven) == len(messages):
                raise CertificateUnavailableError
            return batch

        return self._patience.until_done("certificate", prove)

    def _finish(self, batch: Batch, messages: list[QueueMessage], began: float) -> None:
        if not messages:
            return
        self._patience.until_done("apply", partial(self._apply, batch))
        failpoint("in_event_commit")
        for notice in batch.notices:
            self._note(notice)
        self._delete(messages)
        self._metrics.record_batch(len(messages))
        log.info(
            "batch done",
            messages=len(messages),
            events=len(batch.events),
            refused=len(batch.refused),
            notices=len(batch.notices),
            duration_ms=round((time.monotonic() - began) * 1000, 1),
        )

    def _apply(self, batch: Batch) -> None:
        """Everything of the batch goes to the database, so that all of it can be deleted."""
        spoilt = apply_apart(self._engine, batch.events, self._committed, self._policy)
        for each in [*batch.refused, *spoilt]:
            self._keep(each)

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
            queue=self._queue.name,
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

    def _delete(self, messages: Sequence[QueueMessage]) -> None:
        """What is not deleted comes back, is recognised, and is deleted then."""

        def delete() -> None:
            left = self._queue.delete(messages)
            if left:
                raise NotDeletedError

        try:
            self._patience.until_done("delete", delete, attempts=DELETE_ATTEMPTS)
        except GaveUpError:
            log.warning("messages stay on the queue, applied", messages=len(messages))
