"""All threads that drain event queues: pollers for each queue, one applier, the deleters."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumers import applying
from consumers.applying import Applier
from consumers.backoff import Patience
from consumers.deleting import Deleters
from consumers.in_hand import SHARE_OF_HIDDEN_TIME, Hand
from consumers.polling import Poller
from consumers.proving import Prover
from consumers.tide import Tide
from consumers.witness import HIDDEN_FOR_LAGS, Witness

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Engine

    from config.health import Progress
    from config.settings import Settings
    from consumers.metrics import Metrics
    from consumers.queues import EventQueue

log = structlog.get_logger(__name__)

# What SQS hands to a poll that is left behind stays hidden for minutes: polls are short, and each
# is waited for at the end.
LONGEST_POLL_SECONDS = 2
IDLE_GRACE_SECONDS = 3.0
BATCH_GRACE_SECONDS = 8.0
# Longer than the longest honest round: a hanging call, then waits for a database that is away.
SILENCE_MARGIN = 3


@dataclass(frozen=True)
class Tools:
    """What the threads of a process share."""

    settings: Settings
    engine: Engine
    metrics: Metrics
    progress: Progress
    stopping: threading.Event


class Drainage:
    """Drains several queues until `stopping` is set."""

    def __init__(self, queues: Sequence[EventQueue], tools: Tools) -> None:
        self._tools = tools
        lag_seconds = tools.settings.sqs_counts_lag_seconds
        self._hidden_seconds = HIDDEN_FOR_LAGS * lag_seconds
        self._hand = Hand(hidden_seconds=self._hidden_seconds)
        self._deleters = Deleters(self._hand, self._patience("deleter"), queues)
        self._applier = Applier(
            tools.engine,
            self._hand,
            self._deleters,
            tools.metrics,
            patience=self._patience(applying.NAME),
            stopping=tools.stopping,
            policy=tools.settings.suppression_policy,
        )
        self._provers = {queue.name: self._prover(queue) for queue in queues}
        self._pollers = [each for queue in queues for each in self._crew(queue)]
        tools.metrics.watch_hand(lambda: self._hand.held)

    def start(self) -> None:
        """Begin."""
        within = longest_silence_seconds(self._tools.settings)
        self._tools.progress.expect(applying.NAME, within_seconds=within)
        self._deleters.start()
        self._applier.thread.start()
        for thread in self._receiving:
            thread.start()

    def finish(self, stopped_at: float) -> bool:
        """Wait for what is in hand, but not for a long poll; answers whether all has ended.

        `stopped_at` is when `stopping` was set, by the monotonic clock.
        """
        _join((each.thread for each in self._pollers), stopped_at + IDLE_GRACE_SECONDS)
        _join((each.thread for each in self._provers.values()), stopped_at + IDLE_GRACE_SECONDS)
        busy = [each.thread for each in self._pollers if each.has_messages]
        _join(busy, stopped_at + BATCH_GRACE_SECONDS)
        self._hand.close()
        _join([self._applier.thread], stopped_at + BATCH_GRACE_SECONDS)
        self._deleters.close()
        _join(self._deleters.threads, stopped_at + BATCH_GRACE_SECONDS)
        behind = [each.name for each in self.threads if each.is_alive()]
        if behind:
            log.info("left behind in a call", threads=behind)
        return not behind

    @property
    def threads(self) -> list[threading.Thread]:
        """All of them."""
        return [*self._receiving, self._applier.thread, *self._deleters.threads]

    @property
    def _receiving(self) -> list[threading.Thread]:
        provers = [each.thread for each in self._provers.values()]
        return provers + [each.thread for each in self._pollers]

    def _crew(self, queue: EventQueue) -> list[Poller]:
        """The pollers of one queue; the first is the lead, which is expected to go round."""
        tools, settings = self._tools, self._tools.settings
        tide = Tide(settings.events_pollers)
        tools.metrics.watch_pollers(queue.name, lambda: 1 + tide.awake)
        witness = Witness(queue, tools.engine, lag_seconds=settings.sqs_counts_lag_seconds)
        crew = [
            Poller(
                number,
                queue,
                tide,
                self._hand,
                self._provers[queue.name],
                patience=self._patience(f"{queue.name}-{number + 1}"),
                wait_seconds=min(settings.receive_wait_seconds, LONGEST_POLL_SECONDS),
                witness=None if number else witness,
            )
            for number in range(settings.events_pollers)
        ]
        within = longest_silence_seconds(settings)
        tools.progress.expect(f"{queue.name}-1", within_seconds=within)
        return crew

    def _prover(self, queue: EventQueue) -> Prover:
        loop, tools = f"prover-{queue.name}", self._tools
        tools.progress.expect(loop, within_seconds=longest_silence_seconds(tools.settings))
        return Prover(
            queue,
            self._hand,
            tools.metrics,
            patience=self._patience(loop),
            within_seconds=SHARE_OF_HIDDEN_TIME * self._hidden_seconds,
        )

    def _patience(self, loop: str) -> Patience:
        tools = self._tools
        return Patience(loop, tools.metrics, tools.progress, tools.stopping)


def longest_silence_seconds(settings: Settings) -> float:
    """How long a thread may go without a sign of life and still be well."""
    waits = settings.sqs_read_timeout_seconds + settings.database_statement_timeout_seconds
    return SILENCE_MARGIN * waits


def _join(threads: Iterable[threading.Thread], moment: float) -> None:
    for thread in threads:
        thread.join(max(0.0, moment - time.monotonic()))
