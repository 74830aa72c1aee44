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
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise ValueError(
            f"{text!r} must be a time in ISO 8601 with its zone, such as 2030-01-31T09:30:00Z"
        )
    return moment.astimezone(UTC)


def days_from_now(days: float) -> datetime:
    """The time so many days from now."""
    return datetime.now(UTC) + timedelta(days=days)
