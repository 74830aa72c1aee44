"""Which dead-letter queues there are, and how much lies on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config import aws
from config.errors import ConfigurationError
from config.queues import Depth, depth_of
from ops.dead_letters import PEEK_SECONDS, Hand
from ops.provision.plan import DEAD_LETTERS
from ops.queue_depths import url_of

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from config.settings import Settings

EVENTS = "events"


@dataclass(frozen=True)
class DeadLetterQueue:
    """A dead-letter queue, the queue that its letters come from, and whose that is."""

    name: str
    source: str
    of: str


@dataclass(frozen=True)
class Filled:
    """A dead-letter queue as it stands. `depth` is None where there is no such queue.

    `oldest_sent_at` is of the oldest among those that one look showed: SQS names no oldest.
    """

    queue: DeadLetterQueue
    depth: Depth | None
    oldest_sent_at: datetime | None = None
    oldest_age_seconds: float | None = None


def all_of(settings: Settings) -> list[DeadLetterQueue]:
    """The dead-letter queues of the streams, then that of the events."""
    sources = {name: stream.queue for name, stream in settings.streams.items()}
    queues = [*sources.items(), (EVENTS, settings.events_queue_name)]
    return [DeadLetterQueue(queue + DEAD_LETTERS, queue, of) for of, queue in queues]


def named(settings: Settings, name: str) -> DeadLetterQueue:
    """The one of a stream, of the `events`, or of this name.

    Raises:
        ConfigurationError: there is none; the text lists those that there are.
    """
    queues = all_of(settings)
    for queue in queues:
        if name in (queue.of, queue.name):
            return queue
    known = ", ".join(queue.of for queue in queues)
    raise ConfigurationError(f"There is no stream {name!r}. There are: {known}.")


def look_at_all(settings: Settings) -> list[Filled]:
    """How much lies on each, and how old it is.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SQS did not tell.
    """
    sqs = aws.sqs(settings)
    return [_look_at(sqs, queue) for queue in all_of(settings)]


def _look_at(sqs: SQSClient, queue: DeadLetterQueue) -> Filled:
    try:
        url = url_of(sqs, queue.name)
    except sqs.exceptions.QueueDoesNotExist:
        return Filled(queue, None)
    depth = depth_of(sqs, url)
    oldest = _oldest(sqs, url) if depth.visible else None
    if oldest is None:
        return Filled(queue, depth)
    age_seconds = (datetime.now(UTC) - oldest).total_seconds()
    return Filled(queue, depth, oldest, round(age_seconds, 1))


def _oldest(sqs: SQSClient, url: str) -> datetime | None:
    with Hand(sqs, url, visibility_seconds=PEEK_SECONDS) as hand:
        return min((letter.sent_at for letter in hand.take()), default=None)
