"""Times as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def parse_time(text: str) -> datetime:
    """A time in ISO 8601 with its zone, in UTC.

    Raises:
        ValueError: it is none; the text continues the name of what it was given for.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(
        f"{text!r} must be a time in ISO 8601 with its zone, such as 2030-01-31T09:30:00Z"
    )


def seconds_from_now(seconds: float) -> datetime:
    """The time so many seconds from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def days_from_now(days: float) -> datetime:
    """The time so many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


def duration(seconds: float) -> str:
    """A duration as people say it, in its two largest units: `2 d 3 h`, `5 min 0 s`, `7 s`."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
