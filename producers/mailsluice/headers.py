"""Custom header fields, as SES takes them beside simple and template content.

Bounds and forbidden names: SES API v2, `MessageHeader`, and the developer guide's page on header
fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field

from mailsluice.fields import Text
from mailsluice.problems import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEADERS: Final = 15
MAX_HEADER_CHARACTERS: Final = 996  # name and value together

_MAX_NAME_CHARACTERS = 126
_NAME = re.compile(r"[!-9;-@A-~]+")
_VALUE = re.compile(r"[ -~]+")

_OWN_FIELDS = {
    "bcc": "bcc",
    "cc": "cc",
    "from": "from",
    "reply-to": "reply_to",
    "subject": "subject",
    "to": "to",
    "x-ses-configuration-set": "configuration_set",
    "x-ses-message-tags": "tags",
}
_SET_BY_SES = frozenset(
    {
        "content-disposition",
        "content-type",
        "date",
        "message-id",
        "mime-version",
        "return-path",
    }
)


def _checked(headers: dict[str, str]) -> dict[str, str]:
    problems = list(_problems(headers))
    if problems:
        raise refusals(problems)
    return headers


def _problems(headers: dict[str, str]) -> Iterator[tuple[str, str]]:
    if len(headers) > MAX_HEADERS:
        yield "", f"holds {len(headers)} headers; SES takes at most {MAX_HEADERS}"
    seen: set[str] = set()
    for name, value in headers.items():
        reason = _name_reason(name) or _value_reason(name, value)
        if not reason and name.lower() in seen:
            reason = "is given twice: upper and lower case are the same in a header's name"
        if reason:
            yield name, reason
        seen.add(name.lower())


def _name_reason(name: str) -> str | None:
    if len(name) > _MAX_NAME_CHARACTERS or not _NAME.fullmatch(name):
        return (
            f"is not the name of a header: 1 to {_MAX_NAME_CHARACTERS} printable ASCII characters, "
            "no space and no colon"
        )
    if name.lower() in _OWN_FIELDS:
        return f"cannot be set as a header: use the field {_OWN_FIELDS[name.lower()]}"
    if name.lower() in _SET_BY_SES:
        return "cannot be set as a header: SES writes it itself"
    return None


def _value_reason(name: str, value: str) -> str | None:
    if not _VALUE.fullmatch(value):
        return (
            "must have a value of printable ASCII characters in one line: "
            "encode other characters (RFC 2047)"
        )
    if len(name) + len(value) > MAX_HEADER_CHARACTERS:
        return f"is too long: name and value together may have {MAX_HEADER_CHARACTERS} characters"
    return None


Headers = Annotated[
    dict[str, Text],
    AfterValidator(_checked),
    Field(
        json_schema_extra={
            "maxProperties": MAX_HEADERS,
            "propertyNames": {"pattern": "^[!-9;-@A-~]{1,126}$"},
            "additionalProperties": {"type": "string", "pattern": "^[ -~]{1,995}$"},
        }
    ),
]
