"""Containers that do not show what they hold.

Celery writes the representation of a task's arguments and body into logs: in its debug lines,
with each failure, and beside each record for structured handlers. Mail must not get there.
"""

from __future__ import annotations

from typing import Any

HIDDEN = "<hidden>"


class HiddenText(str):
    """A text that logs as `<hidden>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN


class HiddenList(list[Any]):
    """A list that logs as `<hidden>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN


class HiddenDict(dict[str, Any]):
    """A dictionary that logs as `<hidden>`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return HIDDEN
