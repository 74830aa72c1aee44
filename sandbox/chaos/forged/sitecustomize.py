"""Shifts the wall clock of the process that it is loaded into."""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import Any

_shift_seconds = float(os.environ.get("MAILSLUICE_CHAOS_CLOCK_SHIFT_SECONDS", "0"))
_true_time, _true_time_ns = time.time, time.time_ns
_true_gmtime, _true_localtime = time.gmtime, time.localtime
_TrueDatetime = dt.datetime


class _Like(type):
    """What the C libraries make is a datetime too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _TrueDatetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _TrueDatetime)


class _Datetime(_TrueDatetime, metaclass=_Like):
    """Makes true datetimes, at the wrong time."""

    def __new__(cls, *args: object, **values: object) -> _TrueDatetime:  # type: ignore[misc]
        return _TrueDatetime(*args, **values)  # type: ignore[arg-type]

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _TrueDatetime:  # type: ignore[override]
        return _TrueDatetime.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> _TrueDatetime:  # type: ignore[override]
        return _TrueDatetime.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> _TrueDatetime:  # type: ignore[override]
        return cls.now()


def _seconds(given: Any) -> Any:  # noqa: ANN401  whatever the true function takes
    return time.time() if given is None else given


if _shift_seconds:
    time.time = lambda: _true_time() + _shift_seconds
    time.time_ns = lambda: _true_time_ns() + int(_shift_seconds * 1e9)
    time.gmtime = lambda seconds=None, /: _true_gmtime(_seconds(seconds))
    time.localtime = lambda seconds=None, /: _true_localtime(_seconds(seconds))
    _Datetime.__name__ = _Datetime.__qualname__ = "datetime"
    _Datetime.__module__ = "datetime"
    dt.datetime = _Datetime  # type: ignore[misc]
