"""Reading the values of other people's JSON: whatever is there, never an exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from db.refused import storable

Json = Mapping[str, Any]

ID_CHARACTERS = 256
TEXT_CHARACTERS = 2000

_MILLISECONDS_FROM = 1e11
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")


def member(body: Json, key: str) -> Json:
    """The object under the key, or an empty one."""
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}


def text(value: object, at_most: int = TEXT_CHARACTERS) -> str | None:
    """The value as text that PostgreSQL can hold; None for blanks and what is no scalar."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    if not value.isascii() or "\x00" in value:
        value = storable(value.replace("\x00", ""))
    return value.strip()[:at_most] or None


def identifier(value: object) -> str | None:
    """An id of SES's: opaque, documented nowhere, short."""
    return text(value, ID_CHARACTERS)


def several(value: object) -> list[Any]:
    """The items of a list; anything else is the one item, and null is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def moment(value: object) -> datetime | None:
    """A time as SES, ISPs and others write it, in UTC; None when it cannot be read.

    Seen from SES: `…T…:….678Z`, without fractions, with an offset (`-05:00`), and with a space
    before the offset (`2018-10-08T14:05:45 +0000`).
    """
    try:
        found = _read_moment(value)
        if found is None:
            return None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _read_moment(value: object) -> datetime | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC)
    written = text(value)
    return None if written is None else _parse_moment(written)


# Events repeat the times that they name.
@lru_cache(maxsize=1024)
def _parse_moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        with suppress(ValueError):
            return datetime.fromisoformat(_SPACE_BEFORE_OFFSET.sub("", written))
        return parsedate_to_datetime(written)
