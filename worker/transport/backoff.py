"""One back-off for every call to SQS: exponential, with jitter, ten seconds at most."""

from __future__ import annotations

from tenacity import RetryCallState, Retrying, wait_exponential_jitter

BACK_OFF_AT_MOST_SECONDS = 10.0

back_off = wait_exponential_jitter(multiplier=0.1, max=BACK_OFF_AT_MOST_SECONDS, jitter=0.2)

_NO_CALL = Retrying()


def back_off_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row (1 or more)."""
    state = RetryCallState(_NO_CALL, None, (), {})
    state.attempt_number = failures
    return back_off(state)
