"""The queues of the streams: from names to URLs, once, at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.errors import ConfigurationError
from config.queues import queue_url

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


def check_redrive(sqs: SQSClient, urls: dict[str, str]) -> None:
    """Make sure that every queue has a dead-letter queue: what is refused is left for it.

    Raises:
        ConfigurationError: a queue has no redrive policy.
    """
    for name, url in urls.items():
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
        if not answer.get("Attributes", {}).get("RedrivePolicy"):
            raise ConfigurationError(
                f"The queue {name} has no dead-letter queue (RedrivePolicy), so a message that "
                "cannot be understood would circle in it. Run: mailsluice provision"
            )
