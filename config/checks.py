"""Relations between settings: a configuration that could break a promise is refused at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from config.settings import Settings

MARGIN = 1.25


def check_times(settings: Settings) -> None:
    """Hold the time budgets against each other, each with a margin of 25 %.

    Raises:
        ConfigurationError: naming the two settings, their values and the least that would do.
    """
    problems = [problem for problem in _problems(settings) if problem]
    if problems:
        raise ConfigurationError(
            "These settings could break a promise:\n" + "\n".join(f"  {line}" for line in problems)
        )


def _problems(settings: Settings) -> list[str | None]:
    post = settings.connect_timeout_seconds + settings.ses_read_timeout_seconds
    return [
        _at_least(
            "MAILSLUICE_LEASE_SECONDS",
            settings.lease_seconds,
            MARGIN * post,
            "a lease must outlive one call to SES (connect and read time-out), or a second worker "
            "could take a message that is being sent",
        ),
        _at_least(
            "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS",
            settings.visibility_timeout_seconds,
            MARGIN * settings.lease_seconds,
            "a message must stay invisible longer than its lease, or every slow send is received "
            "a second time",
        ),
        _at_least(
            "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS",
            settings.sqs_read_timeout_seconds,
            settings.receive_wait_seconds + 5,
            "the time-out must be longer than the long poll it waits for",
        ),
        _at_least(
            "MAILSLUICE_UNKNOWN_GRACE_SECONDS",
            settings.unknown_grace_seconds,
            MARGIN * (post + settings.record_timeout_seconds),
            "an unknown outcome must be given the time of one call to SES and of recording it "
            "(MAILSLUICE_RECORD_TIMEOUT_SECONDS), for whoever sent it may still say so",
        ),
        _at_least(
            "MAILSLUICE_RETRY_MAX_SECONDS",
            settings.retry_max_seconds,
            settings.retry_base_seconds,
            "the longest wait before a retry cannot be shorter than the first one",
        ),
    ]


def _at_least(name: str, value: float, least: float, why: str) -> str | None:
    if value >= least:
        return None
    return f"{name} is {value:g} and must be at least {least:g}: {why}."
