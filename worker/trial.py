"""The child process in which a worker tries suspects: it has one message in hand at a time.

Reads messages as JSON lines and answers on a file descriptor of its own: `taken` before it looks at
one, `job` once it knows the message's id, `answer` at the end. It ends when its parent does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from config.failpoints import arm_from_environment
from config.failures import error_name
from config.health import Progress
from config.logs import configure_logs
from config.settings import load_settings
from db.engine import connect
from mailsluice import DELIVER
from worker.delivery import GiveBack
from worker.jobs import JobRefusedError
from worker.metrics import WorkerMetrics
from worker.runtime import Runtime
from worker.transport import Received
from worker.transport.envelope import RefusedError, open_envelope
from worker.transport.held import Held

if TYPE_CHECKING:
    from types import FrameType

PROCESS = "trial"
REFUSED_SECONDS = 2.0
FAILED_SECONDS = 5.0
CONNECTIONS = 3
IDLE_SECONDS = 60.0


class Trial:
    """Delivers what it reads, and says before each step how far it is."""

    def __init__(self, runtime: Runtime, answers: int) -> None:
        self._runtime = runtime
        self._answers = answers

    def run(self) -> None:
        """Go on until the parent is gone, or has had no more for a while."""
        for line in iter(_next_line, ""):
            asked = json.loads(line)
            self._say({"taken": True})
            self._say({"answer": self._deliver(asked["queue"], asked["message"])})

    def _say(self, what: dict[str, Any]) -> None:
        os.write(self._answers, json.dumps(what).encode() + b"\n")

    def _deliver(self, queue: str, message: dict[str, Any]) -> float | None:
        try:
            envelope = open_envelope(message["Body"], frozenset({DELIVER}))
        except RefusedError as error:
            self._runtime.refuse_envelope(queue, message, str(error))
            return REFUSED_SECONDS
        # What is not one argument is no job, and is refused as such.
        arguments = envelope.payload[0]
        job = arguments[0] if len(arguments) == 1 else None
        self._name(job)
        held = Held.from_sqs(queue, message)
        received = Received(queue, held.message_id, held.receive_count, held.sent_at_epoch_seconds)
        try:
            done = self._runtime.deliver(job, received)
        except JobRefusedError:
            return REFUSED_SECONDS
        except Exception as error:  # noqa: BLE001  it is written down, and no death
            print(f"trial failed: {error_name(error)}", file=sys.stderr)  # noqa: T201  its log
            return FAILED_SECONDS
        return done.after_seconds if isinstance(done, GiveBack) else None

    def _name(self, job: object) -> None:
        if isinstance(job, dict):
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                self._say({"job": str(UUID(job["id"]))})


def _next_line() -> str:
    # The parent sends one line and waits for its answer: none is in the buffer.
    ready, _, _ = select.select([sys.stdin], [], [], IDLE_SECONDS)
    return sys.stdin.readline() if ready else ""


def main() -> None:
    """Run as `python -m worker.trial ANSWERS PUBLISHING_SET…`."""
    answers, *publishing_sets = sys.argv[1:]
    settings = load_settings(concurrency=1, database_pool_size=CONNECTIONS)
    configure_logs(settings, PROCESS)
    arm_from_environment(only_of_messages=True)
    engine = connect(settings, application_name=f"mailsluice-{PROCESS}")
    progress = Progress()
    metrics = WorkerMetrics(CollectorRegistry(), settings.metrics_namespace)
    sets = frozenset(publishing_sets)
    runtime = Runtime(settings, engine, metrics, progress, publishing_sets=sets, apart=True)

    def stop(_number: int, _frame: FrameType | None) -> None:
        runtime.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    runtime.gatekeeper.start()
    Trial(runtime, int(answers)).run()


if __name__ == "__main__":
    main()
