"""Publish: what SNS checks of a message before it takes it.

Source: Amazon SNS API reference, Publish.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.aws.sns.envelope import Notification
from sandbox.aws.sns.errors import SnsError, invalid_parameter

if TYPE_CHECKING:
    from sandbox.aws.sns.topics import Topic

_SUBJECT = re.compile(r"[!-~][ -~]{0,99}")


def notification(topic: Topic, fields: dict[str, Any]) -> Notification:
    """The notification that a Publish call makes.

    Raises:
        SnsError: The message, its subject or an attribute is unfit.
    """
    message = _message(fields)
    attributes = fields.get("MessageAttributes") or {}
    size = len(message.encode()) + _size_of(attributes)
    if size > topic.max_message_bytes:
        raise invalid_parameter("Message too long")
    subject = fields.get("Subject")
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise invalid_parameter("Subject")
    return Notification(str(uuid.uuid4()), topic.arn, message, subject, attributes)


def _message(fields: dict[str, Any]) -> str:
    message = str(fields.get("Message", ""))
    if not message:
        raise invalid_parameter("Empty message")
    if fields.get("MessageStructure") != "json":
        return message
    try:
        variants = json.loads(message)
        return str(variants.get("sqs", variants["default"]))
    except (ValueError, AttributeError, KeyError):
        raise invalid_parameter(
            "Message Structure - No default entry in JSON message body"
        ) from None


def _size_of(attributes: dict[str, dict[str, str]]) -> int:
    size = 0
    for name, value in attributes.items():
        kind = str(value.get("DataType", "")).partition(".")[0]
        if kind not in {"String", "Number", "Binary"}:
            raise SnsError(
                "ParameterValueInvalid",
                f"The message attribute '{name}' has an invalid message attribute type, the set of "
                "supported type prefixes is Binary, Number, and String.",
            )
        content = value.get("BinaryValue" if kind == "Binary" else "StringValue")
        if not content:
            raise SnsError(
                "ParameterValueInvalid",
                f"The message attribute '{name}' must contain non-empty message attribute value "
                f"for message attribute type '{value['DataType']}'.",
            )
        size += len(name) + len(value["DataType"]) + len(content.encode())
    return size
