"""Starting, watching and ending the processes of an installation on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self

import urllib3
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 30.0
_POLL_SECONDS = 0.05


class ProcessError(Exception):
    """A process did not start or ended badly; the text holds the end of its log."""


class Process:
    """One process, with its output in a file and its metrics on a port of its own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log_path: Path,
        port: int | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log_path = log_path
        self.port = port
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running process."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it, without waiting for anything."""
        executables = Path(sys.executable).parent
        path = f"{executables}{os.pathsep}{os.environ.get('PATH', '')}"
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  commands of the Procfile and of tests
                [str(executables / self.command[0]), *self.command[1:]],
                env={"PATH": path, "PYTHONUNBUFFERED": "1", **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def wait_until_healthy(self) -> Self:
        """Wait until `/healthz` says yes.

        Raises:
            ProcessError: it has ended, or does not get healthy in time.
        """
        healthy = Retrying(
            retry=retry_if_result(lambda well: not well),
            wait=wait_fixed(_POLL_SECONDS),
            stop=stop_after_delay(START_TIMEOUT_SECONDS),
            retry_error_callback=lambda _: False,
        )
        if not healthy(self.is_healthy):
            raise ProcessError(f"{self.name} did not get healthy:\n{self.end_of_log()}")
        return self

    def is_healthy(self) -> bool:
        """Whether `/healthz` says yes at this moment.

        Raises:
            ProcessError: the process has ended.
        """
        if not self.is_running:
            raise ProcessError(f"{self.name} has ended:\n{self.end_of_log()}")
        try:
            return self._get("/healthz").status == HTTPStatus.OK
        except urllib3.exceptions.HTTPError:
            return False

    def metrics(self) -> str:
        """Its metrics in Prometheus's text format."""
        return self._get("/metrics").data.decode()

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL), and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._running().wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running().send_signal(number)

    def wait(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> int:
        """Wait until it has ended by itself; answers its exit code."""
        return self._running().wait(timeout_seconds)

    def stop(self) -> int:
        """End it gently, or by force if it does not go; answers its exit code."""
        if not self.is_running:
            return self._running().returncode
        self.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return self._running().returncode

    def log_lines(self) -> list[dict[str, object]]:
        """Its structured log lines so far; lines of another form are left out."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def end_of_log(self, lines: int = 20) -> str:
        """The last lines of its output."""
        if not self.log_path.exists():
            return "(no output)"
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request(
            "GET", f"http://127.0.0.1:{self.port}{path}", timeout=2.0, retries=False
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ProcessError(f"{self.name} was never started")
        return self._process
