"""Times as AWS writes them."""

from __future__ import annotations

import datetime as dt


def iso(epoch_seconds: float) -> str:
    """UTC with milliseconds and a Z, as in SNS envelopes and SES events."""
    at = dt.datetime.fromtimestamp(epoch_seconds, dt.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
