"""Tags: names and values that SES gives back in every event of a message.

Character set and length: SES API v2, `MessageTag`. They show up in metrics and logs of AWS, so
nothing personal belongs in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field

from mailsluice.problems import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

# Mailsluice adds tags of its own, and SES documents no maximum: ten in all is known to work.
MAX_TAGS: Final = 8

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_RESERVED = ("mailsluice", "ses:")


def _checked(tags: dict[str, str]) -> dict[str, str]:
    problems = list(_problems(tags))
    if problems:
        raise refusals(problems)
    return tags


def _problems(tags: dict[str, str]) -> Iterator[tuple[str, str]]:
    if len(tags) > MAX_TAGS:
        yield "", f"holds {len(tags)} tags; at most {MAX_TAGS} are possible"
    for name, value in tags.items():
        if name.lower().startswith(_RESERVED):
            yield name, 'is reserved: names beginning with "mailsluice" or "ses:" are not yours'
        elif not _TAG.fullmatch(name):
            yield name, "is not the name of a tag: 1 to 256 of A-Z, a-z, 0-9, - and _"
        elif not _TAG.fullmatch(value):
            yield name, "must have a value of 1 to 256 of A-Z, a-z, 0-9, - and _"


Tags = Annotated[
    dict[str, str],
    AfterValidator(_checked),
    Field(
        json_schema_extra={
            "maxProperties": MAX_TAGS,
            "propertyNames": {
                "pattern": "^(?![Mm][Aa][Ii][Ll][Ss][Ll][Uu][Ii][Cc][Ee])[A-Za-z0-9_-]{1,256}$"
            },
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,256}$"},
        }
    ),
]
