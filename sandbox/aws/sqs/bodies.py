"""What a message may contain, how its size is counted, and the digests SQS answers with.

Source: Amazon SQS API reference, SendMessage; developer guide, "Amazon SQS message metadata".
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from typing import Any

from sandbox.aws.sqs.errors import SqsError, invalid_parameter, missing_parameter

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"(?!aws\.|amazon\.)[A-Za-z0-9_.-]{1,256}", re.IGNORECASE)
_GROUP_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_MAX_ATTRIBUTES = 10

Attributes = dict[str, dict[str, Any]]


def check_body(body: object) -> str:
    """The body, if SQS would take it.

    Raises:
        SqsError: It is missing, empty, or holds a character outside XML 1.0.
    """
    if not isinstance(body, str) or not body:
        raise missing_parameter("MessageBody")
    if _FORBIDDEN.search(body):
        raise SqsError(
            "InvalidMessageContents",
            "Invalid binary character was found in the message body, the set of allowed characters "
            "is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    return body


def check_group_id(group_id: object) -> str:
    if not isinstance(group_id, str) or not _GROUP_ID.fullmatch(group_id):
        raise invalid_parameter(
            f"Value {group_id} for parameter MessageGroupId is invalid. Reason: MessageGroupId can "
            "only include alphanumeric and punctuation characters. 1 to 128 in length."
        )
    return group_id


def check_attributes(attributes: Attributes) -> None:
    """Refuse message attributes that SQS would refuse.

    Raises:
        SqsError: Too many, an unfit name, an unknown type, or no value of that type.
    """
    if len(attributes) > _MAX_ATTRIBUTES:
        raise invalid_parameter(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{_MAX_ATTRIBUTES}]."
        )
    for name, value in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise invalid_parameter(f"Message attribute name {name!r} is invalid.")
        kind = str(value.get("DataType", "")).partition(".")[0]
        if kind not in {"String", "Number", "Binary"}:
            raise invalid_parameter(
                f"The type of message (user) attribute '{name}' is invalid. You must use only the "
                "following supported type prefixes: Binary, Number, String."
            )
        if not value.get("BinaryValue" if kind == "Binary" else "StringValue"):
            raise invalid_parameter(
                f"Message (user) attribute '{name}' must contain a non-empty value of type "
                f"'{kind}'."
            )


def size_bytes(body: str, attributes: Attributes) -> int:
    """What SQS counts against its limits: body plus names, types and values of attributes."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, value in attributes.items():
        size += len(name.encode()) + len(value["DataType"].encode()) + len(_value_of(value))
    return size


def md5_of_text(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Attributes) -> str | None:
    """The digest over sorted attributes, or None for none."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        for part in (name.encode(), value["DataType"].encode()):
            digest.update(struct.pack("!I", len(part)) + part)
        content = _value_of(value)
        transport = b"\x02" if _is_binary(value) else b"\x01"
        digest.update(transport + struct.pack("!I", len(content)) + content)
    return digest.hexdigest()


def _is_binary(value: dict[str, Any]) -> bool:
    return str(value["DataType"]).startswith("Binary")


def _value_of(value: dict[str, Any]) -> bytes:
    if _is_binary(value):
        return base64.b64decode(value["BinaryValue"])
    return str(value["StringValue"]).encode()
