"""The child process in which suspects are tried, as its parent sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from worker.stopping import StoppingError

if TYPE_CHECKING:
    from collections.abc import Iterable

# A child may have gone by itself, with nothing in hand, just before it is asked.
ASKED_AT_MOST = 2
STOP_WITHIN_SECONDS = 30.0


class NoTrialError(Exception):
    """The child does not run; nothing is known about the message."""


class DiedError(Exception):
    """The child died with the message in hand. `message_id` is known if it could be read."""

    def __init__(self, message_id: UUID | None) -> None:
        super().__init__("the child died with the message in hand")
        self.message_id = message_id


class Trials:
    """Keeps at most one child, started when it is first needed. For one thread at a time."""

    def __init__(self, publishing_sets: Iterable[str], stopping: threading.Event) -> None:
        self._publishing_sets = sorted(publishing_sets)
        self._stopping = stopping
        self._child: _Child | None = None
        self._is_watched = False

    def ask(self, queue: str, message: dict[str, Any]) -> float | None:
        """Have the child deliver the message; answers when to show it again, None to delete it.

        Raises:
            DiedError: it killed the child.
            NoTrialError: no child could be started.
            StoppingError: this process goes down.
        """
        for _ in range(ASKED_AT_MOST):
            child = self._ready_child()
            try:
                return child.ask(queue, message)
            except NoTrialError:
                self.close()
            except DiedError:
                self.close()
                raise
        raise NoTrialError("the child process ends before it takes a message; see its log lines")

    def close(self) -> None:
        """End the child, if there is one; what it has in hand it finishes."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _ready_child(self) -> _Child:
        if self._child is None:
            self._child = _Child(self._publishing_sets)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._stop_with_us, name="trials", daemon=True).start()
        # Looked at after the child is there for the thread to find: one of both sees the other.
        if self._stopping.is_set():
            raise StoppingError
        return self._child

    def _stop_with_us(self) -> None:
        self._stopping.wait()
        child = self._child
        if child is not None:
            child.terminate()


class _Child:
    def __init__(self, publishing_sets: list[str]) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-P", "-m", "worker.trial", str(writing), *publishing_sets],
            stdin=subprocess.PIPE,
            pass_fds=(writing,),
            text=True,
        )
        os.close(writing)
        self._answers: IO[str] = os.fdopen(reading)

    def ask(self, queue: str, message: dict[str, Any]) -> float | None:
        self._say({"queue": queue, "message": message})
        taken, message_id = False, None
        while line := self._answers.readline():
            said = json.loads(line)
            taken = taken or "taken" in said
            if "job" in said:
                message_id = UUID(said["job"])
            if "answer" in said:
                seconds: float | None = said["answer"]
                return seconds
        if taken:
            raise DiedError(message_id)
        raise NoTrialError("the child process has ended")

    def _say(self, what: dict[str, Any]) -> None:
        try:
            assert self._process.stdin is not None  # noqa: S101  it is a pipe
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise NoTrialError("the child process has ended") from None

    def terminate(self) -> None:
        self._process.terminate()

    def close(self) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except OSError:
            pass
        self._answers.close()
        try:
            self._process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
