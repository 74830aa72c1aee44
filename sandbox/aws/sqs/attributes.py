"""Queue attributes: defaults, permitted values, and the text that refuses the others.

Source: Amazon SQS API reference, CreateQueue and SetQueueAttributes.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.sqs.errors import SqsError

MAX_MESSAGE_BYTES = 1_048_576
MAX_VISIBILITY_SECONDS = 43_200
MAX_DELAY_SECONDS = 900
MAX_WAIT_SECONDS = 20

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}

_RANGES = {
    "VisibilityTimeout": (0, MAX_VISIBILITY_SECONDS),
    "MaximumMessageSize": (1024, MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, MAX_DELAY_SECONDS),
    "ReceiveMessageWaitTimeSeconds": (0, MAX_WAIT_SECONDS),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_DOCUMENTS = {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}
_FREE_TEXT = {"KmsMasterKeyId"}
_SWITCHES = {"SqsManagedSseEnabled"}
_FIFO_ONLY = {
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
}
_MAX_RECEIVE_COUNTS = range(1, 1001)

COMPUTED = (
    "QueueArn",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
KNOWN = {"All", *COMPUTED, *DEFAULTS, *_RANGES} | _DOCUMENTS | _FREE_TEXT | _SWITCHES | _FIFO_ONLY


def checked(attributes: dict[str, str]) -> dict[str, str]:
    """The same attributes, if SQS would take them.

    Raises:
        SqsError: A name is unknown, or a value is not permitted.
    """
    for name, value in attributes.items():
        _check(name, value)
    return attributes


def merged(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """`old` overlaid with `new`; an empty document takes the attribute away."""
    both = {**old, **new}
    return {name: value for name, value in both.items() if value or name not in _DOCUMENTS}


def invalid_value(name: str, value: str, reason: str = "") -> SqsError:
    text = f"Invalid value for the parameter {name}."
    if reason:
        text = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    shape = "InvalidParameterValue" if reason else "InvalidAttributeValue"
    return SqsError(shape, text)


def _check(name: str, value: str) -> None:
    if name in _FIFO_ONLY:
        raise SqsError(
            "UnsupportedOperation", f"This simulator has standard queues only; drop {name}."
        )
    if name in _RANGES:
        _check_number(name, value)
    elif name == "RedrivePolicy":
        _check_redrive(value)
    elif name in _DOCUMENTS:
        _check_document(name, value)
    elif name in _SWITCHES:
        if value.lower() not in {"true", "false"}:
            raise invalid_value(name, value)
    elif name not in _FREE_TEXT:
        raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _check_number(name: str, value: str) -> None:
    low, high = _RANGES[name]
    if not (value.isdecimal() and low <= int(value) <= high):
        raise invalid_value(name, value)


def _check_document(name: str, value: str) -> dict[str, Any]:
    if not value:
        return {}
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid_value(name, value)
    return document


def _check_redrive(value: str) -> None:
    policy = _check_document("RedrivePolicy", value)
    if not policy:
        return
    for field in ("deadLetterTargetArn", "maxReceiveCount"):
        if field not in policy:
            raise invalid_value(
                "RedrivePolicy",
                value,
                f"Redrive policy does not contain mandatory attribute: {field}.",
            )
    count = str(policy["maxReceiveCount"])
    if not (count.isdecimal() and int(count) in _MAX_RECEIVE_COUNTS):
        raise invalid_value(
            "RedrivePolicy", value, "Invalid value for maxReceiveCount: it must be 1 to 1000."
        )
