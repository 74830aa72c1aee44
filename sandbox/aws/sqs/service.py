"""The SQS endpoint: AWS JSON 1.0 in, AWS JSON 1.0 out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import Reply, Request, new_request_id
from sandbox.aws.service import Call
from sandbox.aws.sqs import batches, management, messages
from sandbox.aws.sqs.errors import SqsError, query_code
from sandbox.aws.sqs.moves import Moves
from sandbox.aws.sqs.registry import Registry, queue_name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.sqs.queue import Queue

Json = dict[str, Any]

TARGET_PREFIX = "AmazonSQS."

_CONTENT_TYPE = "application/x-amz-json-1.0"


class Sqs:
    """All queues of the account behind the SQS API."""

    name = "sqs"

    def __init__(self) -> None:
        self.registry = Registry()
        self._moves = Moves(self.registry)
        # By queue: what needs the queue of `QueueUrl`, and its parameters.
        self._on_queue: dict[str, Callable[[Queue, Json], Json | None]] = {
            "SendMessage": _send,
            "SendMessageBatch": batches.send,
            "DeleteMessage": messages.delete,
            "DeleteMessageBatch": batches.delete,
            "ChangeMessageVisibility": messages.change_visibility,
            "ChangeMessageVisibilityBatch": batches.change_visibility,
            "GetQueueAttributes": management.attributes_of,
            "SetQueueAttributes": lambda queue, params: self.registry.configure(
                queue, params.get("Attributes") or {}
            ),
            "DeleteQueue": lambda queue, _: self.registry.delete(queue),
            "PurgeQueue": lambda queue, _: self.registry.purge(queue),
            "TagQueue": management.tag,
            "UntagQueue": management.untag,
            "ListQueueTags": management.tags_of,
        }
        self._on_account: dict[str, Callable[[Registry, Call], Json]] = {
            "CreateQueue": management.create,
            "GetQueueUrl": management.url,
            "ListQueues": management.list_all,
            "ListDeadLetterSourceQueues": management.list_sources,
            "StartMessageMoveTask": lambda _, call: self._moves.start(call.params),
            "CancelMessageMoveTask": lambda _, call: self._moves.cancel(call.params),
            "ListMessageMoveTasks": lambda _, call: self._moves.list(call.params),
        }

    @property
    def latency_seconds(self) -> float:
        return self.registry.whims.latency_seconds

    def read(self, request: Request) -> Call:
        action = request.headers.get("X-Amz-Target", "").removeprefix(TARGET_PREFIX)
        try:
            params = json.loads(request.body or b"{}")
        except ValueError:
            return Call("", request)
        if not isinstance(params, dict):
            return Call("", request)
        named = params.get("QueueUrl") or params.get("QueueName")
        return Call(action, request, params, queue_name_of(named) if named else None)

    async def run(self, call: Call) -> Reply:
        try:
            return _reply(200, await self._do(call))
        except SqsError as error:
            return self.error(error.status, error.shape, error.message)

    def error(self, status: int, code: str, message: str) -> Reply:
        fault = "Sender" if status < 500 else "Receiver"  # noqa: PLR2004  HTTP's own border
        reply = _reply(status, {"__type": f"com.amazonaws.sqs#{code}", "message": message})
        reply.headers["x-amzn-query-error"] = f"{query_code(code)};{fault}"
        return reply

    def clear(self) -> None:
        """Forget every queue and every move."""
        self._moves.clear()
        self.registry.clear()

    def close(self) -> None:
        """End what runs in the background."""
        self._moves.clear()

    async def _do(self, call: Call) -> Json:
        if call.action == "ReceiveMessage":
            queue = self.registry.by_url(call.params.get("QueueUrl"))
            return await messages.receive(queue, call.params, call.request)
        on_queue = self._on_queue.get(call.action)
        if on_queue is not None:
            queue = self.registry.by_url(call.params.get("QueueUrl"))
            return on_queue(queue, call.params) or {}
        on_account = self._on_account.get(call.action)
        if on_account is not None:
            return on_account(self.registry, call)
        raise SqsError("UnknownOperationException", f"The action {call.action!r} is not known.")


def _send(queue: Queue, params: Json) -> Json:
    answer = messages.send(queue, params)
    queue.settle()
    return answer


def _reply(status: int, body: Json) -> Reply:
    request_id = new_request_id()
    encoded = json.dumps(body).encode()
    return Reply(status, encoded, _CONTENT_TYPE, {"x-amzn-RequestId": request_id})
