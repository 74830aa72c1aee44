"""Which streams may be received from: the process's own, fresh view of the gates."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from config.failures import error_name
from db import gates
from db.gate_news import GateNews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

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
        self._lock = threading.Lock()
        self._shut: frozenset[str] = frozenset()
        self._own_changes = 0
        self._probe: UUID | None = None
        self._blind = False
        self._here_until = float("-inf")
        self.has_probes_to_make = False
        self._thread = threading.Thread(target=self._run, name="gates", daemon=True)

    def start(self) -> None:
        """Look at the gates once, then keep looking in a thread of its own."""
        self._progress.expect(LOOP, within_seconds=PROGRESS_WITHIN_SECONDS)
        self.look()
        self._thread.start()

    def may_receive(self, stream: str) -> bool:
        """Whether mail of the stream may be taken out of its queue."""
        return not self._blind and self.is_open(stream)

    def is_open(self, stream: str, message_id: UUID | None = None) -> bool:
        """Whether mail of the stream that is in hand may be sent; the probe always may."""
        if time.monotonic() < self._here_until:
            return False
        if message_id is not None and message_id == self._probe:
            return True
        return not self._shut & {gates.EVERYTHING, stream}

    @contextmanager
    def probing(self, message_id: UUID) -> Iterator[None]:
        """This message may be sent meanwhile, though its gate is shut."""
        self._probe = message_id
        try:
            yield
        finally:
            self._probe = None

    def refuse(
        self, scopes: Iterable[str], *, reason: str, message_id: UUID, seconds: float
    ) -> None:
        """SES refused this message: shut gates for this process at once, and for everybody."""
        shut = frozenset(scopes)
        self._change(shut)
        try:
            for scope in sorted(shut):
                gates.refuse(
                    self._engine, scope, reason=reason, message_id=message_id, seconds=seconds
                )
        finally:
            self._change(shut)

    def shut_here(self, seconds: float) -> None:
        """This process cannot send for so long; others may well."""
        self._here_until = time.monotonic() + seconds

    def _change(self, shut: frozenset[str]) -> None:
        with self._lock:
            self._shut |= shut
            self._own_changes += 1

    def _run(self) -> None:
        news = GateNews(self._engine, self._stopping)
        while not news.wait(REFRESH_SECONDS):
            self.look()
        news.close()

    def look(self) -> None:
        """Look at the gates once."""
        changes = self._own_changes
        try:
            found = gates.all_shut(self._engine)
        except Exception as error:  # noqa: BLE001  a look that fails is no gate that stands open
            if not self._blind:
                log.warning("gates cannot be looked at", error=error_name(error))
            self._blind = True
        else:
            self._blind = False
            self._see(found, changes)
        # An unreachable database is an outage, not a stuck process: the loop goes round.
        self._progress.beat(LOOP)

    def _see(self, found: list[ShutGate], changes: int) -> None:
        self.has_probes_to_make = any(gate.is_probing for gate in found)
        shut = frozenset(gate.scope for gate in found)
        with self._lock:
            before = self._shut
            # What this process shuts at this very moment may not have been there to be seen.
            self._shut = shut if changes == self._own_changes else shut | before
        if shut != before:
            reasons = sorted({gate.reason for gate in found})
            log.warning("gates changed", shut=sorted(shut), reasons=reasons)
