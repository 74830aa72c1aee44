"""What each cause does to an address: for how long it is suppressed, and in which streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.streams import Stream


MOST_DAYS = 36_500


@dataclass(frozen=True)
class SoftBounces:
    """So many soft bounces within `window` suppress an address for a while.

    Each of `lasts` is longer than the one before; who goes on bouncing climbs from one to the
    next. `limit` 0 means never.
    """

    limit: int = 3
    window: timedelta = timedelta(days=14)
    lasts: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=7), timedelta(days=30))


@dataclass(frozen=True)
class SuppressionPolicy:
    """What events put on the suppression list. A time of None is for ever.

    `complaint_streams` are the streams that a complaint stops, None for every one;
    `unsubscribe_streams` those that an unsubscribe stops of which nobody knows the stream.
    """

    bounce_lasts: timedelta | None = None
    complaint_lasts: timedelta | None = None
    soft_bounces: SoftBounces = field(default_factory=SoftBounces)
    complaint_streams: tuple[str, ...] | None = None
    unsubscribe_streams: tuple[str, ...] | None = None


def stopped_by_complaints(streams: Mapping[str, Stream]) -> tuple[str, ...] | None:
    """The streams that a complaint stops; None when that is every one, also those to come."""
    return _but_for({name: stream.after_complaint for name, stream in streams.items()})


def stopped_by_unsubscribes(streams: Mapping[str, Stream]) -> tuple[str, ...] | None:
    """The same for an unsubscribe that names no stream."""
    return _but_for({name: stream.after_unsubscribe for name, stream in streams.items()})


def _but_for(goes_on: Mapping[str, bool]) -> tuple[str, ...] | None:
    if not any(goes_on.values()):
        return None
    return tuple(name for name, after in goes_on.items() if not after)


def read_days(value: object) -> object:
    """Days as an operator lists them, `1,7,30`, as numbers.

    Raises:
        ValueError: they are none, or do not grow.
    """
    days = _numbers(value) if isinstance(value, str) else value
    if not isinstance(days, list | tuple):
        raise ValueError("write numbers of days with commas between them: 1,7,30")  # noqa: TRY004  pydantic makes it a sentence
    in_range = days and all(0 < each <= MOST_DAYS for each in days)
    if not in_range or any(later <= sooner for sooner, later in pairwise(days)):
        raise ValueError(
            f"each number of days must be above 0, above the one before and at most {MOST_DAYS}"
        )
    return tuple(days)


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ValueError("write numbers of days with commas between them: 1,7,30") from None
