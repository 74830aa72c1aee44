"""The queues of the streams: from names to URLs, once, at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

    from config.streams import Stream

# The same condition under the JSON and the older query protocol.
MISSING_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


def queue_urls(sqs: SQSClient, streams: Iterable[Stream]) -> dict[str, str]:
    """The URL of each stream's queue, by queue name.

    Raises:
        ConfigurationError: a queue does not exist.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SQS did not answer.
    """
    return {stream.queue: _url(sqs, stream) for stream in streams}


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


def _url(sqs: SQSClient, stream: Stream) -> str:
    try:
        return sqs.get_queue_url(QueueName=stream.queue)["QueueUrl"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in MISSING_QUEUE:
            raise
        raise ConfigurationError(
            f"The queue {stream.queue} of stream {stream.name} does not exist in region "
            f"{sqs.meta.region_name}. Run: mailsluice provision, or check AWS_REGION and "
            "MAILSLUICE_QUEUE_PREFIX."
        ) from None
