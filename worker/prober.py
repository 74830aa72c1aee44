"""Finds out with single messages whether SES takes mail again at a gate that it had us shut."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from config.failures import error_name
from db import parking, probes
from worker.jobs import JobRefusedError, understand
from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.settings import Settings
    from db.parking import DueMessage
    from worker.delivery import Done, GiveBack
    from worker.gatekeeper import Gatekeeper
    from worker.jobs import Job

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
# After a probe that told nothing, for it failed by itself.
AGAIN_SECONDS = 5.0


class Prober:
    """Takes probes from the ledger, where refused messages lie: no queue is touched for one."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        gatekeeper: Gatekeeper,
        deliver: Callable[[Job], Done | GiveBack],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._gatekeeper = gatekeeper
        self._deliver = deliver

    def start(self, stopping: threading.Event) -> None:
        """Probe when it is time, in a thread of its own."""
        arguments = (stopping,)
        threading.Thread(target=self._run, args=arguments, name="probes", daemon=True).start()

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.wait(LOOK_SECONDS):
            if self._gatekeeper.has_probes_to_make:
                self._probe_safely()

    def _probe_safely(self) -> None:
        try:
            self.probe()
        except Exception as error:  # noqa: BLE001  the next probe may fare better
            log.warning("a probe failed, will be tried again", error=error_name(error))

    def probe(self) -> None:
        """Send one probe, if it is time for one and no other process does.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away; the probe's lease runs out.
        """
        probe = probes.take(self._engine, lease_seconds=self._settings.lease_seconds)
        if probe is None:
            return
        try:
            self._send(probe)
        finally:
            # Changes nothing if it was claimed.
            parking.give_back(self._engine, [probe], after_seconds=AGAIN_SECONDS)
            is_open = probes.settle(self._engine, probe, again_after_seconds=AGAIN_SECONDS)
        log.info("probe", message_id=str(probe.id), stream=probe.stream, taken=is_open)
        self._gatekeeper.look()

    def _send(self, probe: DueMessage) -> None:
        try:
            # When it was enqueued is in the ledger already.
            job = understand(probe.payload, self._settings.streams, sent_at_epoch_seconds=0.0)
            with self._gatekeeper.probing(probe.id):
                self._deliver(job)
        except JobRefusedError as error:
            log.warning("no probe", message_id=str(probe.id), reason=str(error))
        except StoppingError:
            log.info("a probe is given back, for the process ends", message_id=str(probe.id))
