"""One run of `send_many`: takes messages, posts them in batches, keeps the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from mailsluice.batches import Batch, Batcher, Entry
from mailsluice.errors import EnqueueInterruptedError, MessageError, Problem
from mailsluice.message import Message
from mailsluice.report import Failure, Report
from mailsluice.wire import envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailsluice.posting import Outcome, Poster


class Run:
    """Everything that is taken from the iterable ends up in the report, as queued or as failed.

    Only this object's own thread touches the report; the pool's threads post and answer.
    """

    def __init__(
        self,
        poster: Poster,
        queue_name: Callable[[str], str],
        pool: ThreadPoolExecutor,
        threads: int,
    ) -> None:
        self._poster = poster
        self._queue_name = queue_name
        self._pool = pool
        # One batch being posted and one ready, for each thread.
        self._most_in_flight = 2 * threads
        self._in_flight: set[Future[Outcome]] = set()
        self._batcher = Batcher()
        self._report = Report()
        self._closed: dict[str, str] = {}
        self._stopped: str | None = None

    def over(self, messages: Iterable[Message | Mapping[str, Any]]) -> Report:
        """Enqueue them all.

        Raises:
            EnqueueInterruptedError: the messages stopped coming, or nothing passes any more.
        """
        broken = self._take_all(messages)
        self._post(self._batcher.rest())
        self._settle(wait(self._in_flight).done)
        if broken is not None:
            why = f"The messages stopped coming with {type(broken).__name__} ({broken})."
            raise EnqueueInterruptedError(why, self._report) from broken
        if self._stopped is not None:
            raise EnqueueInterruptedError(self._stopped, self._report)
        return self._report

    def _take_all(self, messages: Iterable[Message | Mapping[str, Any]]) -> Exception | None:
        """Take until the end or a stop; return what the iterable raised, if it did.

        By next() and not by a generator around it: the caller may go on with the rest.
        """
        iterator = iter(messages)
        while self._stopped is None:
            try:
                message = next(iterator)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001  the caller's own code may raise anything
                return error
            self._take(message)
        return None

    def _take(self, message: Message | Mapping[str, Any]) -> None:
        index = self._report.taken
        self._report.taken += 1
        try:
            checked = _as_message(message)
            queue_name = self._queue_name(checked.stream)
            entry = Entry(index, checked.id, envelope(checked, queue_name), checked.tenant)
        except MessageError as invalid:
            message_id = message.id if isinstance(message, Message) else None
            self._report.failed.append(Failure(index, message_id, str(invalid)))
            return
        self._post([*self._batcher.add(queue_name, entry), *self._batcher.overdue()])

    def _post(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            if len(self._in_flight) >= self._most_in_flight:
                self._settle(wait(self._in_flight, return_when=FIRST_COMPLETED).done)
            reason = self._stopped or self._closed.get(batch.queue_name)
            if reason is not None:
                self._fail(batch.entries, reason)
            else:
                self._in_flight.add(self._pool.submit(self._poster.post, batch))

    def _settle(self, done: Iterable[Future[Outcome]]) -> None:
        for future in done:
            self._in_flight.discard(future)
            outcome = future.result()
            for entry in outcome.queued:
                self._report.queued.append(entry.id)
            for entry, reason in outcome.failed:
                self._fail([entry], reason)
            if outcome.closed is not None:
                self._closed[outcome.queue_name] = outcome.closed
            self._stopped = self._stopped or outcome.stopped

    def _fail(self, entries: Iterable[Entry], reason: str) -> None:
        self._report.failed.extend(Failure(entry.index, entry.id, reason) for entry in entries)


def _as_message(message: Message | Mapping[str, Any]) -> Message:
    if isinstance(message, Message):
        return message
    if isinstance(message, Mapping):
        return Message.from_fields(message)
    reason = f"must be a Message or a mapping of its fields, not {type(message).__name__}"
    raise MessageError([Problem((), reason, reason)])
