"""Which streams may be received from: the process's own, fresh view of the gates."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db import gates

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.health import Progress
    from db.gates import ShutGate

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 1.0
PROGRESS_WITHIN_SECONDS = 60.0
LOOP = "gates"


class Gatekeeper:
    """Keeps the gates' state at hand, so that asking costs nothing.

    While the database cannot be asked nothing is received: without a ledger nothing may be sent.
    That is no gate: what is in hand waits for the database, and is not put aside.
    """

    def __init__(self, engine: Engine, stopping: threading.Event, progress: Progress) -> None:
        self._engine = engine
        self._stopping = stopping
        self._progress = progress
        self._shut: frozenset[str] = frozenset()
        self._blind = False
        self._thread = threading.Thread(target=self._run, name="gates", daemon=True)

    def start(self) -> None:
        """Look at the gates once, then keep looking in a thread of its own."""
        self._progress.expect(LOOP, within_seconds=PROGRESS_WITHIN_SECONDS)
        self.look()
        self._thread.start()

    def may_receive(self, stream: str) -> bool:
        """Whether mail of the stream may be taken out of its queue."""
        return not self._blind and self.is_open(stream)

    def is_open(self, stream: str) -> bool:
        """Whether mail of the stream that is in hand may be sent."""
        return not self._shut & {gates.EVERYTHING, stream}

    def shut(self, scope: str, *, reason: str, seconds: float) -> None:
        """Shut a gate for everybody, and for this process at once."""
        self._shut |= {scope}
        gates.shut(self._engine, scope, reason=reason, seconds=seconds)

    def _run(self) -> None:
        while not self._stopping.wait(REFRESH_SECONDS):
            self.look()

    def look(self) -> None:
        """Look at the gates once."""
        try:
            found = gates.all_shut(self._engine)
        except SQLAlchemyError as error:
            if not self._blind:
                log.warning("gates cannot be looked at", error=type(error).__name__)
            self._blind = True
        else:
            self._blind = False
            self._see(found)
        # An unreachable database is an outage, not a stuck process: the loop goes round.
        self._progress.beat(LOOP)

    def _see(self, found: list[ShutGate]) -> None:
        shut = frozenset(gate.scope for gate in found)
        if shut != self._shut:
            reasons = sorted({gate.reason for gate in found})
            log.warning("gates changed", shut=sorted(shut), reasons=reasons)
        self._shut = shut
