"""What an installation needs in AWS, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from config.settings import Settings

DEAD_LETTERS = "-dlq"

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
_CONFIGURATION_SET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Plan:
    """Names of everything. The topic and the event destinations bear the same name."""

    stream_queues: list[str]
    events_queue: str
    topic: str
    configuration_sets: list[str]


def plan(settings: Settings) -> Plan:
    """What these settings ask for.

    Raises:
        ConfigurationError: a name is none that AWS takes, or one queue is to be two things.
    """
    made = Plan(
        stream_queues=list(dict.fromkeys(stream.queue for stream in settings.streams.values())),
        events_queue=settings.events_queue_name,
        topic=f"{settings.queue_prefix}-events",
        configuration_sets=_configuration_sets(settings),
    )
    _check(made)
    return made


def default_configuration_set(settings: Settings) -> str:
    """The configuration set of streams that name none."""
    return settings.aws_ses_configuration_set or settings.queue_prefix


def environment(settings: Settings) -> dict[str, str]:
    """The variables that every process needs to find what was provisioned."""
    variables = {
        "AWS_REGION": settings.aws_region,
        "AWS_SES_CONFIGURATION_SET": default_configuration_set(settings),
        "MAILSLUICE_QUEUE_PREFIX": settings.queue_prefix,
    }
    if settings.events_queue:
        variables["MAILSLUICE_EVENTS_QUEUE"] = settings.events_queue
    return variables


def _configuration_sets(settings: Settings) -> list[str]:
    own = [stream.configuration_set for stream in settings.streams.values()]
    names = [default_configuration_set(settings), *(name for name in own if name)]
    return list(dict.fromkeys(names))


def _check(made: Plan) -> None:
    queues = [*made.stream_queues, made.events_queue]
    names = [*queues, *(name + DEAD_LETTERS for name in queues)]
    for name in names:
        if not _QUEUE_NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} cannot be the name of a queue: SQS takes 1 to 80 of A-Z, a-z, 0-9, - "
                "and _ (first-in-first-out queues are not used). Shorten MAILSLUICE_QUEUE_PREFIX, "
                "or name the queue in MAILSLUICE_STREAMS."
            )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(
            f"The queue {min(twice)} would be two things at once: give stream queues, the "
            "events queue and dead-letter queues (-dlq) different names."
        )
    for name in made.configuration_sets:
        if not _CONFIGURATION_SET_NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} cannot be the name of a configuration set: SES takes 1 to 64 of "
                "A-Z, a-z, 0-9, - and _."
            )
