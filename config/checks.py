"""Relations between settings: a configuration that could break a promise is refused at start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from config.errors import ConfigurationError
from config.reputation import limit_problems
from config.retention import retention_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

MARGIN = 1.25

# To write down what SES answered last.
LAST_RECORD_SECONDS = 3.0
# How long a scheduler may take over a turn of parked messages, and over sending them; a test holds
# both against the dispatcher's own.
DISPATCH_LEASE_SECONDS = 60.0
DISPATCH_TURN_SECONDS = 20.0
LEAST_RECEIVES = 4
THREADS_A_CONNECTION = 64
LEAST_RETENTION_SECONDS = 86_400


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
    return [
        *_of_claims(settings),
        *_of_queues(settings),
        *_of_outcomes(settings),
        _shares(settings),
        *limit_problems(settings),
        *retention_problems(
            settings,
            sns_max_age_days=settings.sns_max_age_days,
            soft_bounces=settings.suppression_policy.soft_bounces,
        ),
    ]


def _of_claims(settings: Settings) -> list[str | None]:
    post = _longest_post_seconds(settings)
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
    ]


def _of_queues(settings: Settings) -> list[str | None]:
    return [
        _at_least(
            "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS",
            settings.sqs_read_timeout_seconds,
            settings.receive_wait_seconds + 5,
            "the time-out must be longer than the long poll it waits for",
        ),
        _at_most(
            "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS",
            settings.sqs_read_timeout_seconds,
            DISPATCH_LEASE_SECONDS / MARGIN
            - DISPATCH_TURN_SECONDS
            - settings.connect_timeout_seconds,
            "parked messages are a scheduler's for 60 s, and one call to SQS that times out "
            "(connect and read time-out) must end in that time, or another puts them on the queue "
            "a second time",
        ),
        _at_least(
            "MAILSLUICE_MAX_RECEIVE_COUNT",
            settings.max_receive_count,
            LEAST_RECEIVES,
            "a message that ends its workers is found out at its third receive and written down at "
            "the next; with fewer it would be a dead letter without a reason",
        ),
    ]


def _of_outcomes(settings: Settings) -> list[str | None]:
    post = _longest_post_seconds(settings)
    return [
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
        _at_least(
            "MAILSLUICE_SHUTDOWN_SECONDS",
            settings.shutdown_seconds,
            post + LAST_RECORD_SECONDS,
            "what is in SES's hands when the process is told to end must be able to end (connect "
            "and read time-out) and to be written down; lower MAILSLUICE_SES_READ_TIMEOUT_SECONDS "
            "where the supervisor does not wait so long",
        ),
        _at_least(
            "MAILSLUICE_DATABASE_POOL_SIZE",
            settings.database_pool_size,
            settings.concurrency / THREADS_A_CONNECTION,
            "each connection serves up to 64 of the threads (MAILSLUICE_CONCURRENCY), or outcomes "
            "wait to be written down",
        ),
    ]


def _longest_post_seconds(settings: Settings) -> float:
    return settings.connect_timeout_seconds + settings.ses_read_timeout_seconds


def _shares(settings: Settings) -> str | None:
    shares = {name: stream.share for name, stream in settings.streams.items()}
    # Shares are decimal fractions, and so is their sum: 0.1 + 0.2 is not above 0.3.
    total = round(sum(shares.values()), 6)
    if total <= 1:
        return None
    listed = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    return (
        f"MAILSLUICE_STREAMS: the shares add up to {total:g} and must be at most 1 ({listed}): "
        "a stream cannot be sure of a part of the rate that is another's."
    )


def _at_least(name: str, value: float, least: float, why: str) -> str | None:
    if value >= least:
        return None
    return f"{name} is {value:g} and must be at least {least:g}: {why}."


def _at_most(name: str, value: float, most: float, why: str) -> str | None:
    if value <= most:
        return None
    return f"{name} is {value:g} and must be at most {most:g}: {why}."


def check_redrive(name: str, attributes: Mapping[str, str]) -> None:
    """Make sure that what a queue shows in vain goes to a dead-letter queue, and not too soon.

    Raises:
        ConfigurationError: it circles for ever, or healthy mail would go there.
    """
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    if not policy:
        raise ConfigurationError(
            f"The queue {name} has no dead-letter queue (RedrivePolicy), so a message that "
            "cannot be understood would circle in it. Run: mailsluice provision"
        )
    receives = int(policy.get("maxReceiveCount", 0))
    if receives < LEAST_RECEIVES:
        raise ConfigurationError(
            f"The queue {name} makes a message a dead letter after {receives} receives "
            f"(maxReceiveCount), and must allow at least {LEAST_RECEIVES}: otherwise mail becomes "
            "a dead letter because of a restart, and without a reason. Set "
            "MAILSLUICE_MAX_RECEIVE_COUNT, and run: mailsluice provision"
        )


def check_retention(name: str, attributes: Mapping[str, str]) -> None:
    """Make sure that a queue keeps messages for as long as an outage may last.

    Raises:
        ConfigurationError: it does not.
    """
    retention = int(attributes.get("MessageRetentionPeriod", LEAST_RETENTION_SECONDS))
    if retention < LEAST_RETENTION_SECONDS:
        raise ConfigurationError(
            f"The queue {name} forgets messages after {retention} s (MessageRetentionPeriod), and "
            f"must keep them for at least {LEAST_RETENTION_SECONDS} s: what waits out an outage "
            "there would be lost without a trace. Run: mailsluice provision"
        )
