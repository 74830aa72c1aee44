"""Puts one batch on its queue, entry by entry if need be, and says what became of each entry."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mailsluice.failures import SDK_ERRORS, Cause, Scope, cause_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
        SendMessageBatchResultTypeDef,
    )

    from mailsluice.batches import Batch, Entry
    from mailsluice.queues import Queues

# Beside the retries that boto3 makes within each call.
ROUNDS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0

_MAY_PASS_LATER = (Scope.MOMENT, Scope.ENTRIES)


@dataclass(slots=True)
class Outcome:
    """What became of a batch.

    `closed` says why nothing more of this queue can pass, `stopped` why nothing at all.
    """

    queue_name: str
    queued: list[Entry] = field(default_factory=list)
    failed: list[tuple[Entry, str]] = field(default_factory=list)
    closed: str | None = None
    stopped: str | None = None

    def fail(self, entries: Iterable[Entry], reason: str) -> None:
        self.failed.extend((entry, reason) for entry in entries)

    def give_up(self, entries: Iterable[Entry], cause: Cause) -> None:
        self.fail(entries, cause.sentence)
        if cause.scope is Scope.QUEUE:
            self.closed = cause.sentence
        elif cause.scope in {Scope.MOMENT, Scope.EVERYTHING}:
            self.stopped = cause.sentence


class Poster:
    """Sends batches, with back-off. Safe to share between threads."""

    def __init__(
        self, sqs: SQSClient, queues: Queues, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._sqs = sqs
        self._queues = queues
        self._sleep = sleep

    def post(self, batch: Batch) -> Outcome:
        """Send a batch, repeating what may yet pass; never raises for what AWS did."""
        outcome = Outcome(batch.queue_name)
        self._post(batch.entries, outcome)
        return outcome

    def _post(self, entries: list[Entry], outcome: Outcome) -> None:
        waiting, cause = self._try(entries, outcome)
        for attempt in range(1, ROUNDS):
            if not waiting or cause.scope not in _MAY_PASS_LATER:
                break
            self._sleep(_pause_seconds(attempt))
            waiting, cause = self._try(waiting, outcome)
        if cause.scope is Scope.MESSAGES and len(waiting) > 1:
            self._post_singly(waiting, outcome)
        elif waiting:
            outcome.give_up(waiting, cause)

    def _post_singly(self, entries: list[Entry], outcome: Outcome) -> None:
        """One bad entry can make SQS refuse a whole call: find it, and let the others pass."""
        for entry in entries:
            if outcome.stopped:
                outcome.fail([entry], outcome.stopped)
            else:
                self._post([entry], outcome)

    def _try(self, entries: list[Entry], outcome: Outcome) -> tuple[list[Entry], Cause]:
        """One call; returns the entries that are not settled by it, and why."""
        request = [_as_request(place, entry) for place, entry in enumerate(entries)]
        try:
            answer = self._queues.call(
                outcome.queue_name,
                lambda url: self._sqs.send_message_batch(QueueUrl=url, Entries=request),
            )
        except SDK_ERRORS as error:
            return entries, cause_of(error, outcome.queue_name)
        return _sort(answer, entries, outcome)


def _as_request(place: int, entry: Entry) -> SendMessageBatchRequestEntryTypeDef:
    request: SendMessageBatchRequestEntryTypeDef = {"Id": str(place), "MessageBody": entry.body}
    if entry.tenant is not None:
        request["MessageGroupId"] = entry.tenant
    return request


def _sort(
    answer: SendMessageBatchResultTypeDef, entries: list[Entry], outcome: Outcome
) -> tuple[list[Entry], Cause]:
    """Write down what passed and what never will; return what is to be tried again, and why.

    SQS answers 200 and lists each entry as passed or failed.
    """
    passed = {item["Id"] for item in answer.get("Successful", [])}
    refused = {item["Id"]: item for item in answer.get("Failed", [])}
    again: list[Entry] = []
    why = "SQS did not say what became of the message."
    for place, entry in enumerate(entries):
        item = refused.get(str(place))
        if str(place) in passed:
            outcome.queued.append(entry)
        elif item is not None and item["SenderFault"]:
            outcome.fail([entry], _said(item))
        else:
            again.append(entry)
            why = why if item is None else _said(item)
    return again, Cause(Scope.ENTRIES, why)


def _said(item: BatchResultErrorEntryTypeDef) -> str:
    return f"SQS answered {item['Code']} ({item.get('Message', 'no text')}) for this message."


def _pause_seconds(attempt: int) -> float:
    longest = min(LONGEST_PAUSE_SECONDS, math.ldexp(FIRST_PAUSE_SECONDS, attempt - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  spreads retries, guards nothing
