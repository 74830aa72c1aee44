"""The queues of the streams: from names to URLs, once, at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.checks import check_redrive, check_retention
from config.queues import queue_attributes, queue_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

    from config.streams import Stream


def queue_urls(sqs: SQSClient, streams: Iterable[Stream]) -> dict[str, str]:
    """The URL of each stream's queue, by queue name.

    Raises:
        ConfigurationError: a queue does not exist, or SQS cannot be asked.
    """
    return {stream.queue: queue_url(sqs, stream.queue) for stream in streams}


def check_queues(sqs: SQSClient, urls: dict[str, str]) -> None:
    """Make sure that no queue would lose a message or keep it circling.

    Raises:
        ConfigurationError: one would; or SQS does not tell.
    """
    for name, url in urls.items():
        attributes = queue_attributes(sqs, name, url)
        check_redrive(name, attributes)
        check_retention(name, attributes)
