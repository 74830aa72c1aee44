"""Texts that hold addresses and content, encrypted as a whole: JSON stays JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from config.encryption_keys import PREFIX
from db.address_keys import encryption_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Engine

_SEALED = "sealed"
# What was taken out; that it is empty has to be seen.
_EMPTY = "{}"


def sealed_json(place: Engine | Connection, written: str) -> str:
    """A JSON text, as it is to be kept: an object with the encrypted text in it."""
    keys = encryption_of(place)
    if keys.current is None or written == _EMPTY:
        return written
    return f'{{"{_SEALED}":"{keys.seal(written)}"}}'


def opened_json(place: Engine | Connection, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was kept, as it was before.

    Raises:
        ConfigurationError: its key is not configured.
    """
    told = kept.get(_SEALED)
    if len(kept) != 1 or not isinstance(told, str) or not told.startswith(PREFIX):
        return kept
    opened: Mapping[str, Any] = json.loads(encryption_of(place).open(told))
    return opened


def sealed_text(place: Engine | Connection, written: str, *, is_json: bool) -> str:
    """A text as it is to be kept."""
    return sealed_json(place, written) if is_json else encryption_of(place).seal(written)


def opened_text(place: Engine | Connection, kept: str, *, is_json: bool) -> str:
    """A text as it was before. Raises ConfigurationError: its key is not configured."""
    if not is_json:
        return encryption_of(place).open(kept)
    if not kept.startswith(f'{{"{_SEALED}":"{PREFIX}'):
        return kept
    return encryption_of(place).open(json.loads(kept)[_SEALED])
