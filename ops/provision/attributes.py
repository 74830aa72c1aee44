"""Compares attributes as they should be with those found; values are texts, some of them JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Attributes = dict[str, str]

# More than was asked for is an operator's choice, and does no harm.
AT_LEAST = frozenset({"MaximumMessageSize", "MessageRetentionPeriod"})

SHOWN_CHARACTERS = 40


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> Attributes:
    """Those of the wanted attributes that are not so yet."""
    return {
        name: value for name, value in wanted.items() if not _is_so(name, value, found.get(name))
    }


def told(changed: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each change: `VisibilityTimeout: 30 -> 300`."""
    return tuple(_line(name, found.get(name), value) for name, value in changed.items())


def document(value: Mapping[str, Any]) -> str:
    """The text of a JSON attribute."""
    return json.dumps(value, separators=(",", ":"))


def _is_so(name: str, wanted: str, found: str | None) -> bool:
    if found is None:
        return False
    if name in AT_LEAST:
        return int(found) >= int(wanted)
    return found == wanted or _meaning(found) == _meaning(wanted)


def _meaning(text: str) -> Any:  # noqa: ANN401  JSON
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return _normal(found) if isinstance(found, dict | list) else text.lower()


def _normal(value: Any) -> Any:  # noqa: ANN401  JSON
    """AWS writes a list of one as its element, a number as a text, and orders as it likes."""
    if isinstance(value, dict):
        return {name: _normal(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [_normal(item) for item in value]
        return items[0] if len(items) == 1 else sorted(items, key=json.dumps)
    return str(value)


def _line(name: str, before: str | None, after: str) -> str:
    if max(len(before or ""), len(after)) > SHOWN_CHARACTERS:
        return f"{name}: {'replaced' if before else 'set'}"
    return f"{name}: {before or 'none'} -> {after or 'none'}"
