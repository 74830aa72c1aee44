"""SendMessage, ReceiveMessage, DeleteMessage and ChangeMessageVisibility, for one queue each."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.sqs import bodies
from sandbox.aws.sqs.attributes import (
    MAX_DELAY_SECONDS,
    MAX_MESSAGE_BYTES,
    MAX_VISIBILITY_SECONDS,
    MAX_WAIT_SECONDS,
)
from sandbox.aws.sqs.errors import invalid_parameter, missing_parameter
from sandbox.aws.sqs.store import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.aws.http import Request
    from sandbox.aws.sqs.queue import Queue

Json = dict[str, Any]

_MAX_RECEIVED = 10


def bounded(params: Json, name: str, low: int, high: int, default: int) -> int:
    """An integer parameter within its range.

    Raises:
        SqsError: It is out of range.
    """
    value = params.get(name, default)
    if not isinstance(value, int) or not low <= value <= high:
        raise invalid_parameter(
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {low} and "
            f"{high}, if provided."
        )
    return value


def send(queue: Queue, entry: Json) -> Json:
    """Put one message in, as SendMessage and each entry of a batch do; the caller settles.

    Raises:
        SqsError: SQS would refuse the message.
    """
    body = bodies.check_body(entry.get("MessageBody"))
    attributes = entry.get("MessageAttributes") or {}
    bodies.check_attributes(attributes)
    _check_size(queue, bodies.size_bytes(body, attributes))
    delay = bounded(entry, "DelaySeconds", 0, MAX_DELAY_SECONDS, queue.number("DelaySeconds"))
    message = new_message(body, attributes, _system_attributes(entry))
    queue.put(message, delay)
    return _receipt_of_send(message, entry)


def new_message(body: str, attributes: bodies.Attributes, system: dict[str, str]) -> StoredMessage:
    return StoredMessage(
        message_id=str(uuid.uuid4()),
        body=body,
        md5_of_body=bodies.md5_of_text(body),
        sent_at_ms=int(time.time() * 1000),
        attributes=attributes,
        md5_of_attributes=bodies.md5_of_attributes(attributes),
        system={"SenderId": ACCOUNT_ID, **system},
    )


async def receive(queue: Queue, params: Json, request: Request) -> Json:
    """Hand out messages, waiting if asked to.

    Raises:
        SqsError: A parameter is out of range, or the queue refuses.
    """
    limit = bounded(params, "MaxNumberOfMessages", 1, _MAX_RECEIVED, 1)
    visibility = bounded(
        params, "VisibilityTimeout", 0, MAX_VISIBILITY_SECONDS, queue.number("VisibilityTimeout")
    )
    default_wait = queue.number("ReceiveMessageWaitTimeSeconds")
    wait = bounded(params, "WaitTimeSeconds", 0, MAX_WAIT_SECONDS, default_wait)
    messages = await queue.receive(limit, visibility, wait, request.is_gone)
    if not messages:
        return {}
    system = {*params.get("MessageSystemAttributeNames", ()), *params.get("AttributeNames", ())}
    wanted = params.get("MessageAttributeNames") or ()
    return {"Messages": [_received(queue, message, system, wanted) for message in messages]}


def delete(queue: Queue, entry: Json) -> None:
    """Delete one message by its handle.

    Raises:
        SqsError: The handle is missing or malformed.
    """
    queue.delete(_handle(entry))


def change_visibility(queue: Queue, entry: Json) -> None:
    """Change when one message comes back.

    Raises:
        SqsError: The handle or the timeout is not fit, or the message not in flight.
    """
    if "VisibilityTimeout" not in entry:
        raise missing_parameter("VisibilityTimeout")
    seconds = bounded(entry, "VisibilityTimeout", 0, MAX_VISIBILITY_SECONDS, 0)
    queue.change_visibility(_handle(entry), seconds)


def _handle(entry: Json) -> str:
    handle = entry.get("ReceiptHandle")
    if not handle:
        raise missing_parameter("ReceiptHandle")
    return str(handle)


def _check_size(queue: Queue, size: int) -> None:
    limit = min(queue.number("MaximumMessageSize"), MAX_MESSAGE_BYTES)
    if size > limit:
        raise invalid_parameter(
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} "
            "bytes."
        )


def _system_attributes(entry: Json) -> dict[str, str]:
    system = {}
    trace = (entry.get("MessageSystemAttributes") or {}).get("AWSTraceHeader")
    if trace:
        system["AWSTraceHeader"] = str(trace["StringValue"])
    if entry.get("MessageGroupId") is not None:
        system["MessageGroupId"] = bodies.check_group_id(entry["MessageGroupId"])
    return system


def _receipt_of_send(message: StoredMessage, entry: Json) -> Json:
    answer = {"MessageId": message.message_id, "MD5OfMessageBody": message.md5_of_body}
    if message.md5_of_attributes:
        answer["MD5OfMessageAttributes"] = message.md5_of_attributes
    md5_of_system = bodies.md5_of_attributes(entry.get("MessageSystemAttributes") or {})
    if md5_of_system:
        answer["MD5OfMessageSystemAttributes"] = md5_of_system
    return answer


def _received(
    queue: Queue, message: StoredMessage, system: Collection[str], wanted: Collection[str]
) -> Json:
    answer: Json = {
        "MessageId": message.message_id,
        "ReceiptHandle": queue.handle_of(message),
        "MD5OfBody": message.md5_of_body,
        "Body": message.body,
    }
    if system:
        answer["Attributes"] = _listed_system_attributes(message, system)
    attributes = _listed_attributes(message.attributes, wanted)
    if attributes:
        answer["MessageAttributes"] = attributes
        answer["MD5OfMessageAttributes"] = bodies.md5_of_attributes(attributes)
    return answer


def _listed_system_attributes(message: StoredMessage, names: Collection[str]) -> dict[str, str]:
    values = {
        **message.system,
        "SentTimestamp": str(message.sent_at_ms),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(message.first_received_at_ms),
    }
    if "All" in names:
        return values
    return {name: values[name] for name in names if name in values}


def _listed_attributes(attributes: bodies.Attributes, wanted: Collection[str]) -> bodies.Attributes:
    if not attributes or not wanted:
        return {}
    if "All" in wanted or ".*" in wanted:
        return attributes
    prefixes = tuple(name.removesuffix(".*") + "." for name in wanted if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in wanted or (prefixes and name.startswith(prefixes))
    }
