"""The guard of the account's reputation: too many bounces or complaints shut a stream's gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from config.reputation import (
    KINDS,
    WINDOWS,
    Level,
    is_to_be_shut,
    level_of,
    limits_of,
    shuts,
)
from db import gates, reputation, sent_counts, standings
from db.gates import EVERYTHING, REPUTATION
from db.sent_counts import Domains

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.reputation import Limits, Tally
    from config.settings import Settings
    from config.streams import Stream
    from db.reputation import Measured
    from worker.scheduler.metrics import SchedulerMetrics

log = structlog.get_logger(__name__)

# Every look makes it that long again. Without a scheduler a gate outlives a deployment, and not a
# change of the settings that nobody watches any more.
SHUT_SECONDS = 3600.0


@dataclass(frozen=True)
class Standing:
    """How the rates of one kind stand to their limits; `window` is the one that is worst."""

    limits: Limits
    tallies: dict[str, Tally]
    level: Level
    window: str

    @classmethod
    def of(
        cls, measured: Measured, scope: str, kind: str, limits: Limits, before: Level
    ) -> Standing:
        """That of a scope, which was at the level `before`."""
        tallies = {each: measured.of(scope, kind, each).whole for each in WINDOWS}
        levels = {each: level_of(tally, limits, before) for each, tally in tallies.items()}
        worst = max(WINDOWS, key=lambda each: (levels[each], tallies[each].rate or 0.0))
        return cls(limits, tallies, levels[worst], worst)


class ReputationGuard:
    """Compares the rates of each stream, and of all mail, with their limits."""

    def __init__(self, engine: Engine, settings: Settings, metrics: SchedulerMetrics) -> None:
        self._engine = engine
        self._settings = settings
        self._metrics = metrics.reputation
        self._domains = Domains.of(settings)
        self._scopes: dict[str, Stream | None] = {EVERYTHING: None, **settings.streams}

    def look(self) -> bool:
        """Look once; answers True while there is older mail to be counted first.

        Raises what SQLAlchemy raises.
        """
        if sent_counts.roll_up(self._engine, self._domains):
            return True
        measured = reputation.measure(self._engine, self._domains)
        self._tell(measured)
        self._steer_all(measured)
        return False

    def _tell(self, measured: Measured) -> None:
        """Metrics always, a line in the log where a limit is crossed."""
        before = standings.levels(self._engine)
        changed: dict[tuple[str, str], Level] = {}
        for scope, stream in self._scopes.items():
            for kind in KINDS:
                told = before.get((scope, kind), Level.GOOD)
                now = Standing.of(
                    measured, scope, kind, limits_of(self._settings, stream, kind), told
                )
                self._metrics.record(scope, kind, now.limits, now.tallies, now.level)
                if now.level != told:
                    changed[scope, kind] = now.level
                    _log(scope, kind, now)
        standings.save(self._engine, changed)

    def _steer_all(self, measured: Measured) -> None:
        shut = {gate.scope for gate in gates.all_shut(self._engine) if gate.reason == REPUTATION}
        held = standings.held(self._engine)
        for scope, stream in self._scopes.items():
            may_shut = shuts(self._settings, stream) and scope not in held
            is_bad = may_shut and is_to_be_shut(
                self._judged(scope, stream, measured), is_shut=scope in shut
            )
            self._steer(scope, is_bad=is_bad, is_shut=scope in shut)

    def _judged(
        self, scope: str, stream: Stream | None, measured: Measured
    ) -> list[tuple[Tally, Limits]]:
        """What decides about the gate: only mail that no operator has answered for yet."""
        return [
            (measured.of(scope, kind, window).since, limits_of(self._settings, stream, kind))
            for kind in KINDS
            for window in WINDOWS
        ]

    def _steer(self, scope: str, *, is_bad: bool, is_shut: bool) -> None:
        if is_bad:
            if gates.shut(self._engine, scope, reason=REPUTATION, seconds=SHUT_SECONDS):
                log.warning("too many bounces or complaints: the gate shuts", scope=scope)
        elif is_shut and gates.open_again(self._engine, scope, reason=REPUTATION):
            log.info("the rates are down again: the gate opens", scope=scope)


def _log(scope: str, kind: str, now: Standing) -> None:
    tell = log.info if now.level is Level.GOOD else log.warning
    tally = now.tallies[now.window]
    tell(
        "a reputation rate has crossed a limit",
        scope=scope,
        kind=kind,
        standing=now.level.name.lower(),
        window=now.window,
        rate=tally.rate,
        reports=tally.reports,
        recipients=tally.recipients,
        warn_at=now.limits.warn,
        shut_at=now.limits.shut,
    )
