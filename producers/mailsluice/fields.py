"""The kinds of value that the contract's fields have, each with its rule and its JSON Schema."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

from mailsluice.addresses import AddressError, wire_address
from mailsluice.contract import is_wire
from mailsluice.problems import refusal

# SES developer guide, service quotas: to, cc and bcc together.
MAX_RECIPIENTS: Final = 50
MAX_TEMPLATE_DATA_CHARACTERS: Final = 262_144

_ZONED_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_CONTROL_CHARACTER = re.compile(f"[{_CONTROL}]")


def _text(value: str) -> str:
    if "\x00" in value:
        raise refusal("holds a NUL character")
    if not value.isascii():
        _encodable(value)
    return value


def _encodable(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refusal("holds half of a surrogate pair, which is no character") from None


def _filled(value: str) -> str:
    if not value.strip():
        raise refusal("is empty")
    return value


def _one_line(value: str) -> str:
    """Refuse what could start another header line."""
    if _CONTROL_CHARACTER.search(value):
        raise refusal("holds a line break or another control character")
    return value


def _matching(pattern: str, rule: str) -> Callable[[str], str]:
    """A validator: the whole value matches, or `rule` says what it must be."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise refusal(rule, value=value)
        return value

    return check


def at_most(characters: int) -> tuple[AfterValidator, Any]:
    """Annotations for a text with a greatest length."""

    def check(value: str) -> str:
        if len(value) > characters:
            raise refusal(f"is longer than {characters} characters")
        return value

    return AfterValidator(check), Field(json_schema_extra={"maxLength": characters})


def _as_tuple(value: object, info: ValidationInfo) -> object:
    """One value for a list of one: a comfort for Python callers."""
    return (value,) if isinstance(value, str) and not is_wire(info) else value


def _address(value: str) -> str:
    try:
        return wire_address(value)
    except AddressError as invalid:
        raise refusal(invalid.reason, value=value, detail=invalid.detail) from None


def _bytes(value: object, info: ValidationInfo) -> bytes:
    found = _decoded(value) if is_wire(info) else value
    if not isinstance(found, bytes):
        raise refusal("must be bytes: encode text first")
    if not found:
        raise refusal("is empty")
    return found


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise refusal("must be text in base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise refusal("is not base64 (RFC 4648 section 4, with padding)") from None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _instant(value: object, info: ValidationInfo) -> datetime:
    moment = _parsed_time(value) if is_wire(info) or isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise refusal("must be a datetime")
    if moment.utcoffset() is None:
        raise refusal(
            "has no time zone: give an aware time, such as datetime.now(UTC) + timedelta(hours=1)"
        )
    return moment.astimezone(UTC)


def _parsed_time(value: object) -> datetime:
    if not isinstance(value, str) or not _ZONED_TIME.fullmatch(value):
        raise refusal("must be a time in ISO 8601 with its zone, such as 2030-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise refusal("is not a time that exists", value=value) from None


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise refusal("must be an object of names and values")
    try:
        text = compact_json(dict(value))
    except (TypeError, ValueError) as odd:
        raise refusal("holds what JSON cannot express", detail=f" ({odd})") from None
    if len(text) > MAX_TEMPLATE_DATA_CHARACTERS:
        raise refusal(
            f"is {len(text):,} characters of JSON; SES takes {MAX_TEMPLATE_DATA_CHARACTERS:,}"
        )
    if _ESCAPED_NUL.search(text):
        raise refusal("holds a NUL character")
    _encodable(text)
    # A copy: what the caller changes later is not part of the message.
    copy: dict[str, Any] = json.loads(text)
    return copy


def compact_json(value: Mapping[str, Any]) -> str:
    """JSON without needless characters; NaN and infinity, which JSON lacks, raise ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _named(pattern: str, rule: str) -> tuple[AfterValidator, WithJsonSchema]:
    return (
        AfterValidator(_matching(pattern, rule)),
        WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"}),
    )


Text = Annotated[str, AfterValidator(_text)]
FilledText = Annotated[Text, AfterValidator(_filled), Field(json_schema_extra={"minLength": 1})]
Line = Annotated[
    FilledText,
    AfterValidator(_one_line),
    Field(json_schema_extra={"pattern": "^[^" + _CONTROL + "]+$"}),
]

Stream = Annotated[
    str,
    *_named(
        r"[a-z0-9][a-z0-9_-]{0,39}",
        "must be 1 to 40 of a-z, 0-9, - and _, beginning with a letter or a digit",
    ),
]
AwsName = Annotated[
    str, *_named(r"[A-Za-z0-9_-]{1,64}", "must be 1 to 64 of A-Z, a-z, 0-9, - and _")
]
IdempotencyKey = Annotated[Line, *at_most(255)]

Address = Annotated[
    Text,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "examples": ["Ada <ada@x.org>"]}),
]
Addresses = Annotated[
    tuple[Address, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=list[Address]),
    Field(json_schema_extra={"maxItems": MAX_RECIPIENTS}),
]

Base64 = Annotated[
    bytes,
    BeforeValidator(_bytes),
    PlainSerializer(_base64, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "minLength": 4}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
JsonObject = Annotated[
    dict[str, Any], BeforeValidator(_json_object), WithJsonSchema({"type": "object"})
]
