"""Finds the message that kills its workers, and condemns no other.

A message is a suspect once it was in hand at three deaths: at three starts that nobody ended, or
with three claims that ran out with their worker. A suspect is tried in a child process, which has
nothing else in hand. It is condemned when it is the end of three children in a row while this
process lives and waits for them, or of one child where it took three claims with it before.

No number of random kills of workers condemns a healthy message: such a kill ends the judge too, and
there is no verdict. Kills that meet children as well hardly do: a trial lasts about 0.2 s, and what
a child had claimed when it was killed is not begun by the next. With 1,000 kills over eight workers
and their children in twenty minutes one of them is killed about every ten seconds, and three
children are met in a row with p = 0.02^3. Of 20,000 messages at most a few hundred are ever in hand
at three deaths: 300 x 0.02^3 = 0.002, if every one of those children were met before its claim.

The one verdict without a child's death is by count, for a message that takes its worker with it
even from there, as an out-of-memory killer that ends a whole container does: five more deaths in
its own trials, each alone in hand.

What is condemned is kept with its reason, goes to the dead-letter queue, and can be redriven.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import structlog

from config.failures import error_name
from db import starts
from db.starts import Standing, Start
from worker.stopping import StoppingError
from worker.transport import Screened
from worker.trials import DiedError, NoTrialError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from sqlalchemy import Engine

    from worker.patience import Patience
    from worker.transport import Received
    from worker.trials import Trials

log = structlog.get_logger(__name__)

TRIALS_AT_MOST = 5
DEATHS_OF_THE_CONDEMNED = 3
LOST_CLAIMS_OF_A_SUSPECT = 3
NO_TRIAL_RETRY_SECONDS = 30.0
FLUSH_EVERY_SECONDS = 0.2

REASON = (
    "It was in hand three times when a worker died, and then was the end of a process that had "
    "nothing else in hand. Find out why before you send it again (`mailsluice dlq redrive`), or "
    "discard it."
)


class Suspects:
    """What a worker knows about messages that were in hand when a process died."""

    def __init__(
        self,
        engine: Engine,
        patience: Patience,
        trials: Trials,
        stopping: threading.Event,
        *,
        refuse: Callable[[str, str, str, str], None],
    ) -> None:
        """`refuse` takes the queue, SQS's id, the reason and the body."""
        self._engine = engine
        self._patience = patience
        self._trials = trials
        self._stopping = stopping
        self._refuse = refuse
        self._left: deque[tuple[str, str]] = deque()
        self._remembered: set[str] = set()

    def start(self) -> None:
        """Begin to strike out what leaves this process's hands."""
        threading.Thread(target=self._run, name="starts", daemon=True).start()

    def screen(self, queue: str, messages: Sequence[dict[str, Any]]) -> Screened:
        """Write the starts down of messages that were shown before, and tell who is suspect.

        Raises:
            StoppingError: the process goes down and the database is away.
        """
        shown = [_start(message) for message in messages]
        found = self._patience.until_done(lambda: starts.begin(self._engine, queue, shown))
        return Screened(
            apart=frozenset(each for each, stands in found.items() if stands is Standing.SUSPECT),
            condemned={
                each: REASON for each, stands in found.items() if stands is Standing.CONDEMNED
            },
        )

    def left(self, queue: str, sqs_message_ids: Sequence[str]) -> None:
        """These left this process's hands. Returns at once."""
        self._left.extend((queue, each) for each in sqs_message_ids)

    def remember(self, received: Received, *, lost_claims: int) -> None:
        """The message lost too many claims to run among others: it is tried apart next time."""
        shown = Start(received.message_id, received.receive_count)
        self._remembered.add(received.message_id)
        self._patience.until_done(
            lambda: starts.suspect(self._engine, received.queue, shown, lost_claims=lost_claims)
        )

    def try_apart(self, queue: str, message: dict[str, Any]) -> float | None:
        """Try a suspect in a child process; answers after how long it is to be shown again.

        Raises:
            StoppingError: the process goes down.
        """
        sqs_message_id = message["MessageId"]
        log.warning("suspect tried apart", queue=queue, sqs_message_id=sqs_message_id)
        trials = self._patience.until_done(
            lambda: starts.begin_trial(self._engine, queue, sqs_message_id)
        )
        if trials > TRIALS_AT_MOST:
            return self._condemn(queue, message, None)
        try:
            return self._try(queue, message)
        except NoTrialError as error:
            log.error("no trial could be held", reason=str(error))  # noqa: TRY400  says it all
            self._remembered.add(sqs_message_id)
            return NO_TRIAL_RETRY_SECONDS

    def _try(self, queue: str, message: dict[str, Any]) -> float | None:
        for deaths in range(1, DEATHS_OF_THE_CONDEMNED + 1):
            try:
                return self._trials.ask(queue, message)
            except DiedError as death:
                # Whoever ends this process may have ended the child as well.
                if self._stopping.is_set():
                    raise StoppingError from None
                log.warning("child died of a suspect", queue=queue, deaths=deaths)
                message_id = death.message_id
            if self._took_claims(message_id):
                break
        return self._condemn(queue, message, message_id)

    def _took_claims(self, message_id: UUID | None) -> bool:
        """Whether it was claimed at three deaths: its next child would find it claimed still."""
        if message_id is None:
            return False
        lost = self._patience.until_done(lambda: starts.lost_claims(self._engine, message_id))
        return lost >= LOST_CLAIMS_OF_A_SUSPECT

    def _condemn(self, queue: str, message: dict[str, Any], message_id: UUID | None) -> float:
        sqs_message_id = message["MessageId"]
        self._refuse(queue, sqs_message_id, REASON, message.get("Body", ""))
        self._patience.until_done(
            lambda: starts.condemn(self._engine, queue, sqs_message_id, message_id)
        )
        return 0.0

    def flush(self) -> None:
        """Strike out what has left. A failure costs those messages a trial, and nothing else."""
        queues: dict[str, list[str]] = {}
        while self._left:
            queue, sqs_message_id = self._left.popleft()
            if sqs_message_id in self._remembered:
                self._remembered.discard(sqs_message_id)
            else:
                queues.setdefault(queue, []).append(sqs_message_id)
        for queue, ids in queues.items():
            starts.end(self._engine, queue, ids)

    def finish(self) -> None:
        """The last flush, at the end of the process. Never raises."""
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001  it costs those messages a trial
            log.warning("starts not struck out", error=error_name(error))

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_EVERY_SECONDS):
            self.finish()


def _start(message: dict[str, Any]) -> Start:
    attributes = message.get("Attributes", {})
    return Start(message["MessageId"], int(attributes.get("ApproximateReceiveCount", 1)))
