"""Message move tasks: dead-letter messages going back to where they came from."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.sqs import messages
from sandbox.aws.sqs.errors import SqsError, invalid_parameter, missing_parameter

if TYPE_CHECKING:
    from sandbox.aws.sqs.queue import Queue
    from sandbox.aws.sqs.registry import Registry
    from sandbox.aws.sqs.store import StoredMessage

Json = dict[str, Any]

_MAX_PER_SECOND = 500
_LISTED_AT_MOST = 10


@dataclass(slots=True)
class Move:
    """One move task; `moved` counts what it has done so far."""

    source: Queue
    destination: Queue | None
    per_second: int | None
    to_move: int
    handle: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: str = "RUNNING"
    moved: int = 0
    failure: str = ""
    started_at_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    task: asyncio.Task[None] | None = None

    def describe(self) -> Json:
        answer: Json = {
            "Status": self.status,
            "SourceArn": self.source.arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started_at_ms,
        }
        if self.destination is not None:
            answer["DestinationArn"] = self.destination.arn
        if self.per_second is not None:
            answer["MaxNumberOfMessagesPerSecond"] = self.per_second
        if self.status == "RUNNING":
            answer["TaskHandle"] = self.handle
        if self.failure:
            answer["FailureReason"] = self.failure
        return answer


class Moves:
    """All move tasks, the newest last."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._moves: list[Move] = []

    def start(self, params: Json) -> Json:
        """StartMessageMoveTask.

        Raises:
            SqsError: No such queue, not a dead-letter queue, or one of its moves is running.
        """
        source = self._queue("SourceArn", params)
        if not self._registry.sources_of(source):
            raise invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
        if any(m.source is source and m.status in {"RUNNING", "CANCELLING"} for m in self._moves):
            raise invalid_parameter(
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time."
            )
        destination = self._queue("DestinationArn", params) if "DestinationArn" in params else None
        rate = params.get("MaxNumberOfMessagesPerSecond")
        if rate is not None:
            messages.bounded(params, "MaxNumberOfMessagesPerSecond", 1, _MAX_PER_SECOND, 1)
        source.store.advance()
        move = Move(source, destination, rate, source.store.visible)
        move.task = asyncio.get_running_loop().create_task(self._run(move))
        self._moves.append(move)
        return {"TaskHandle": move.handle}

    def cancel(self, params: Json) -> Json:
        """CancelMessageMoveTask; what has been moved stays moved.

        Raises:
            SqsError: No such task is running.
        """
        handle = params.get("TaskHandle")
        if not handle:
            raise missing_parameter("TaskHandle")
        for move in self._moves:
            if move.handle == handle and move.status == "RUNNING" and move.task is not None:
                move.task.cancel()
                move.status = "CANCELLED"
                return {"ApproximateNumberOfMessagesMoved": move.moved}
        raise SqsError("ResourceNotFoundException", "Task does not exist.", status=404)

    def list(self, params: Json) -> Json:
        """ListMessageMoveTasks, the newest first.

        Raises:
            SqsError: No such queue.
        """
        source = self._queue("SourceArn", params)
        limit = messages.bounded(params, "MaxResults", 1, _LISTED_AT_MOST, 1)
        found = [move.describe() for move in reversed(self._moves) if move.source is source]
        return {"Results": found[:limit]}

    def clear(self) -> None:
        for move in self._moves:
            if move.task is not None:
                move.task.cancel()
        self._moves.clear()

    def _queue(self, name: str, params: Json) -> Queue:
        arn = params.get(name)
        if not arn:
            raise missing_parameter(name)
        queue = self._registry.by_arn(str(arn))
        if queue is None:
            raise SqsError(
                "ResourceNotFoundException",
                f"The resource that you specified for the {name} parameter doesn't exist.",
                status=404,
            )
        return queue

    async def _run(self, move: Move) -> None:
        pause = 1 / move.per_second if move.per_second else 0
        while move.moved < move.to_move:
            message = move.source.store.take()
            if message is None:
                break
            destination = move.destination or self._origin_of(message)
            if destination is None:
                move.source.store.put_back(message)
                move.status, move.failure = "FAILED", "CouldNotDetermineMessageSource"
                return
            move.source.store.remove(message)
            destination.put(messages.new_message(message.body, message.attributes, _kept(message)))
            destination.settle()
            move.moved += 1
            await asyncio.sleep(pause)
        move.status = "COMPLETED"

    def _origin_of(self, message: StoredMessage) -> Queue | None:
        return self._registry.by_arn(message.system.get("DeadLetterQueueSourceArn", ""))


def _kept(message: StoredMessage) -> dict[str, str]:
    """System attributes that travel with a message that is sent anew."""
    return {
        name: value for name, value in message.system.items() if name != "DeadLetterQueueSourceArn"
    }
