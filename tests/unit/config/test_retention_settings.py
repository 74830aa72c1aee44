"""What would be forgotten too soon to keep a promise is refused at start."""

from __future__ import annotations

import pytest

from config.checks import check_times
from config.errors import ConfigurationError
from config.settings import load_settings


def test_the_defaults_forget_nothing_too_soon() -> None:
    check_times(load_settings())


def test_everything_may_be_kept_for_ever() -> None:
    names = ("recipients", "events", "event_contents", "bounces", "complaints", "refused")
    forever: dict[str, float] = {f"retain_{name}_days": 0 for name in names}
    check_times(load_settings(**forever))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"retain_messages_days": 29, "retain_bounces_days": 20},
            (
                "MAILSLUICE_RETAIN_MESSAGES_DAYS is 29 and must be at least 30, or 0 .for ever.: a "
                "message must be remembered for as long as a copy of its job may lie on SQS"
            ),
        ),
        ({"retain_events_days": 59}, "RETAIN_EVENTS_DAYS is 59 and must be at least 60"),
        (
            {"retain_events_days": 399, "sns_max_age_days": 400},
            "RETAIN_EVENTS_DAYS is 399 and must be at least 400",
        ),
        ({"retain_event_contents_days": 29}, "RETAIN_EVENT_CONTENTS_DAYS is 29"),
        ({"retain_messages_days": 364}, "RETAIN_RECIPIENTS_DAYS is 364 and must be at least 365"),
        # 1 + 7 + 30 days, and three windows of 14.
        ({"retain_bounces_days": 79}, "RETAIN_BOUNCES_DAYS is 79 and must be at least 80"),
        (
            {"retain_recipients_days": 100, "retain_bounces_days": 101},
            "RETAIN_RECIPIENTS_DAYS is 100 and must be at least 101, .* a delivery that ended",
        ),
        (
            {"retain_bounces_days": 0},
            "RETAIN_RECIPIENTS_DAYS is 400 and must be 0 .for ever.: a delivery that ended",
        ),
        (
            {"retain_suppression_changes_days": 364},
            "RETAIN_SUPPRESSION_CHANGES_DAYS is 364 and must be at least 365",
        ),
        ({"retain_complaints_days": 1}, "RETAIN_COMPLAINTS_DAYS is 1 and"),
        ({"retain_refused_days": 1}, "RETAIN_REFUSED_DAYS is 1 and"),
    ],
)
def test_what_would_be_forgotten_too_soon_is_refused(values: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        check_times(load_settings(**values))


def test_where_soft_bounces_never_suppress_their_ladder_asks_for_nothing() -> None:
    check_times(load_settings(retain_bounces_days=31, suppress_soft_bounces=0))
