"""When a message that failed goes again. The decision is a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenacity import RetryCallState, Retrying, wait_random_exponential

if TYPE_CHECKING:
    from config.settings import Settings


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with full jitter, and a budget of attempts."""

    base_seconds: float
    max_seconds: float
    max_attempts: int

    def after_seconds(self, failures: int) -> float | None:
        """How long to wait after so many failures (1 or more); None when the budget is used."""
        return None if failures >= self.max_attempts else self.backoff_seconds(failures)

    def backoff_seconds(self, failures: int) -> float:
        """A random wait of at least the base, whose upper end doubles with each failure."""
        wait = wait_random_exponential(
            multiplier=self.base_seconds, min=self.base_seconds, max=self.max_seconds
        )
        state = RetryCallState(Retrying(), None, (), {})
        # tenacity counts attempts from 1, and doubles from the first one.
        state.attempt_number = failures + 1
        return wait(state)


def retry_policy(settings: Settings, max_attempts: int) -> RetryPolicy:
    """The policy of a stream that allows so many attempts."""
    return RetryPolicy(settings.retry_base_seconds, settings.retry_max_seconds, max_attempts)
