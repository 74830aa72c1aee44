"""Keeps processes running, as a service manager does: whatever has ended is started again."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from sandbox.processes import START_TIMEOUT_SECONDS, Process, ProcessError
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.installation import Installation

LOOK_SECONDS = 0.05
# What cannot start must not take the machine away from what can.
START_AGAIN_SECONDS = 0.5


class Keeper:
    """Starts processes of an installation and keeps each of them running until it is let go.

    `environment` is what every process is started with besides the installation's own. `kills`
    counts those that were killed here, and `died` names those that ended of themselves: for a
    process of ours there is no reason to.
    """

    def __init__(self, installation: Installation, environment: Mapping[str, str]) -> None:
        self.kills = 0
        self.died: list[str] = []
        self._installation = installation
        self._environment = dict(environment)
        self._kept: dict[Process, tuple[str, dict[str, str]]] = {}
        self._started_at: dict[Process, float] = {}
        self._killed: set[Process] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def crew(
        self,
        environments: Mapping[str, Mapping[str, str]] | None = None,
        **copies: int,
    ) -> None:
        """Have so many copies of each kind running and no others, each of them healthy.

        Args:
            environments: By kind, what its copies are started with besides.
            copies: By kind (`worker`, `scheduler`, `events`), how many.

        Raises:
            ProcessError: one does not get healthy.
        """
        wished = {kind: dict((environments or {}).get(kind, {})) for kind in copies}
        self._let_go(self._superfluous(wished, copies))
        for kind, environment in wished.items():
            for _ in range(copies[kind] - len(self._of(kind, environment))):
                self._launch(kind, environment)
        self.wait_until_healthy()

    def running(self, *kinds: str) -> list[Process]:
        """The processes that run at this moment; of these kinds only, where any are named."""
        with self._lock:
            return [
                process
                for process, (kind, _) in self._kept.items()
                if process.is_running and (not kinds or kind in kinds)
            ]

    def kill(self, process: Process) -> None:
        """End one with SIGKILL; another one takes its place."""
        with self._lock:
            if not process.is_running:
                return
            self._killed.add(process)
            process.kill()
            self.kills += 1

    def wait_until_healthy(self) -> None:
        """Wait until every process is there and well.

        Raises:
            NotInTimeError: one of them is not.
        """
        until(self._all_are_well, "every process is well", timeout_seconds=START_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Start nothing any more; what runs is the installation's to end."""
        self._stopping.set()
        self._thread.join()
        for process in self.running():
            # One that is still stopped would not hear that it is to end.
            process.send(signal.SIGCONT)

    def _all_are_well(self) -> bool:
        try:
            return all(process.is_healthy() for process in list(self._kept))
        except ProcessError:
            return False

    def _of(self, kind: str, environment: dict[str, str]) -> list[Process]:
        return [process for process, what in self._kept.items() if what == (kind, environment)]

    def _superfluous(
        self, wished: Mapping[str, dict[str, str]], copies: Mapping[str, int]
    ) -> list[Process]:
        wanted: set[Process] = set()
        for kind, environment in wished.items():
            wanted.update(self._of(kind, environment)[: copies[kind]])
        return [process for process in self._kept if process not in wanted]

    def _launch(self, kind: str, environment: dict[str, str]) -> None:
        started = self._installation.launch(
            kind, ["mailsluice", kind], **{**self._environment, **environment}
        )
        with self._lock:
            self._kept[started] = (kind, environment)
            self._started_at[started] = time.monotonic()

    def _let_go(self, processes: list[Process]) -> None:
        with self._lock:
            for process in processes:
                del self._kept[process]
        for process in processes:
            process.terminate()
        for process in processes:
            process.stop()
            self._installation.processes.remove(process)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            with self._lock:
                for process in self._kept:
                    if not process.is_running:
                        self._start_again(process)

    def _start_again(self, process: Process) -> None:
        now = time.monotonic()
        if now - self._started_at[process] < START_AGAIN_SECONDS:
            return
        if process not in self._killed:
            self.died.append(f"{process.name} ended of itself: {process.end_of_log(3)}")
        self._killed.discard(process)
        self._started_at[process] = now
        process.start()
