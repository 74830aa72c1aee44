"""Publishes events through SNS: late, twice, out of order or held back, as told."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.ses.settings import EventSettings


@dataclass(slots=True, frozen=True)
class _Pending:
    publish: Callable[[], None]
    timer: asyncio.TimerHandle


class Publisher:
    """Events on their way to SNS.

    An event's timer lets one pending event go: its own, or with `shuffle` any.
    """

    def __init__(self, settings: EventSettings) -> None:
        self._settings = settings
        self._numbers = itertools.count()
        self._pending: dict[int, _Pending] = {}
        self._held: list[Callable[[], None]] = []
        self._chance = random.Random()  # noqa: S311  an order, not a secret

    def later(self, steps: int, publish: Callable[[], None]) -> None:
        """Publish after `steps` times the configured delay."""
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(steps * self._settings.delay_seconds, self._due, number)
        self._pending[number] = _Pending(publish, timer)

    def release(self) -> None:
        """Publish everything that was held back, unless it is to be held still."""
        if self._settings.hold:
            return
        held, self._held = self._held, []
        if self._settings.shuffle:
            self._chance.shuffle(held)
        for publish in held:
            self._publish(publish)

    def clear(self) -> None:
        """Forget what has not been published."""
        for pending in self._pending.values():
            pending.timer.cancel()
        self._pending.clear()
        self._held.clear()

    def _due(self, number: int) -> None:
        if self._settings.shuffle:
            self._exchange(number)
        publish = self._pending.pop(number).publish
        if self._settings.hold:
            self._held.append(publish)
        else:
            self._publish(publish)

    def _exchange(self, due: int) -> None:
        """Let any pending event go in place of the one that is due, which then takes its time."""
        chosen = self._chance.choice(list(self._pending))
        first, second = self._pending[due], self._pending[chosen]
        self._pending[due] = _Pending(second.publish, first.timer)
        self._pending[chosen] = _Pending(first.publish, second.timer)

    def _publish(self, publish: Callable[[], None]) -> None:
        for _ in range(self._settings.copies):
            publish()
