"""What each cause does to an address: for how long it is suppressed, and in which streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

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


class SuppressionSettings(BaseSettings):
    """For how long each cause suppresses, and how many soft bounces do."""

    suppress_bounce_days: float | None = Field(default=None, gt=0, le=36_500)
    suppress_complaint_days: float | None = Field(default=None, gt=0, le=36_500)
    suppress_soft_bounces: int = Field(default=3, ge=0, le=100)
    suppress_soft_bounce_window_days: float = Field(default=14, gt=0, le=365)
    suppress_soft_bounce_days: Annotated[tuple[float, ...], NoDecode] = (1, 7, 30)

    @field_validator("suppress_bounce_days", "suppress_complaint_days", mode="before")
    @classmethod
    def _blank_is_for_ever(cls, value: object) -> object:
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("suppress_soft_bounce_days", mode="before")
    @classmethod
    def _growing_days(cls, value: object) -> object:
        return read_days(value)

    def policy_for(self, streams: Mapping[str, Stream]) -> SuppressionPolicy:
        """What events put on the suppression list of an installation with these streams."""
        return SuppressionPolicy(
            bounce_lasts=_days(self.suppress_bounce_days),
            complaint_lasts=_days(self.suppress_complaint_days),
            soft_bounces=SoftBounces(
                limit=self.suppress_soft_bounces,
                window=timedelta(days=self.suppress_soft_bounce_window_days),
                lasts=tuple(timedelta(days=each) for each in self.suppress_soft_bounce_days),
            ),
            complaint_streams=stopped_by_complaints(streams),
            unsubscribe_streams=stopped_by_unsubscribes(streams),
        )


def _days(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)
