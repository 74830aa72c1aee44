"""The identity of a message: minted where the message is made, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from mailsluice.contract import is_wire
from mailsluice.problems import refusal

# uuid5(NAMESPACE_URL, "urn:mailsluice:message-id"). Changing it would send old keys once more.
ID_NAMESPACE: Final = UUID("4087c731-8e07-587a-87c5-735819abcbd9")


def derived_id(stream: str, idempotency_key: str) -> UUID:
    """The id of the one message that this stream ever sends under this key.

    A UUIDv5 (RFC 9562) of `stream:key` in `ID_NAMESPACE`, so that any program can compute it.
    """
    return uuid5(ID_NAMESPACE, f"{stream}:{idempotency_key}")


def _checked(value: object) -> UUID:
    found = value if isinstance(value, UUID) else _parsed(value)
    if not found.int:
        raise refusal("is the nil UUID: every message needs an id of its own")
    return found


def _parsed(value: object) -> UUID:
    if value is None:
        raise refusal("is missing: every message needs a UUID, minted where it is made")
    text = value.lower() if isinstance(value, str) else ""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    # UUID() takes braces, prefixes and missing hyphens too; one message has one spelling.
    if found is None or str(found) != text:
        raise refusal("must be a UUID, such as 1f0c2d3e-4b5a-4c6d-8e7f-90a1b2c3d4e5")
    return found


def require_id(value: object, info: ValidationInfo) -> object:
    """A before-validator: an id may be minted by Python callers, but never for what came as JSON.

    It would be another one at every delivery of the same job.
    """
    if not isinstance(value, Mapping) or value.get("id") is not None:
        return value
    fields = {name: given for name, given in value.items() if name != "id"}
    if is_wire(info) and fields.get("idempotency_key") is None:
        fields["id"] = None
    return fields


MessageId = Annotated[
    UUID,
    BeforeValidator(_checked),
    WithJsonSchema(
        {
            "type": "string",
            "format": "uuid",
            "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        }
    ),
]
