"""The JSON of a request, checked and made in one walk along botocore's model.

The walk is compiled once. It does the ordinary case and leaves every other one to botocore, which
has either an explanation of what is wrong or a way to do it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import ListShape, Shape, StructureShape

    Encode = Callable[[Any], Any]


class NotOrdinaryError(Exception):
    """The request is wrong, or needs more than this module does."""


class BodyWriter:
    """Writes the body of one REST-JSON operation. Thread-safe."""

    def __init__(self, shape: StructureShape) -> None:
        """`shape` is the operation's input in botocore's model."""
        self._encode = _compile(shape)

    def write(self, request: Mapping[str, Any]) -> bytes:
        """The body, byte for byte as botocore writes it.

        Raises:
            NotOrdinaryError: Ask botocore.
        """
        return json.dumps(self._encode(request)).encode()


def _compile(shape: Shape) -> Encode:
    # Whatever has a place besides the body, or a meaning for the endpoint, is not ordinary.
    if shape.serialization or "contextParam" in shape.metadata:
        return _not_ordinary
    match shape.type_name:
        case "structure":
            return _structure(cast("StructureShape", shape))
        case "list":
            return _list(cast("ListShape", shape))
        case "string":
            return _string(shape)
        case "blob":
            return _blob
        case _:
            return _not_ordinary


def _structure(shape: StructureShape) -> Encode:
    if shape.is_document_type or shape.is_tagged_union:
        return _not_ordinary
    members = {name: _compile(member) for name, member in shape.members.items()}
    required = frozenset(shape.required_members)

    def encode(value: object) -> dict[str, Any]:
        if not isinstance(value, dict) or not required <= value.keys() <= members.keys():
            raise NotOrdinaryError
        return {name: members[name](each) for name, each in value.items()}

    return encode


def _list(shape: ListShape) -> Encode:
    member = _compile(shape.member)
    shortest = shape.metadata.get("min", 0)

    def encode(value: object) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) < shortest:
            raise NotOrdinaryError
        return [member(each) for each in value]

    return encode


def _string(shape: Shape) -> Encode:
    shortest = shape.metadata.get("min", 0)

    def encode(value: object) -> str:
        if not isinstance(value, str) or len(value) < shortest:
            raise NotOrdinaryError
        return value

    return encode


def _blob(value: object) -> str:
    if not isinstance(value, bytes):
        raise NotOrdinaryError
    return b64encode(value).decode("ascii")


def _not_ordinary(_value: object) -> Any:  # noqa: ANN401  it has none
    raise NotOrdinaryError
