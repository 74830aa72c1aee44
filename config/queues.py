"""What every process asks of SQS about a queue: where it is, and how much lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from config.errors import ConfigurationError
from config.failures import error_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeFilterType

# The same condition under the JSON and the older query protocol.
MISSING_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


DEPTH: tuple[QueueAttributeFilterType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class Depth:
    """Messages of one queue; SQS's own approximations."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        """All that SQS knows of."""
        return self.visible + self.in_flight + self.delayed


def queue_url(sqs: SQSClient, name: str, *, account: str | None = None) -> str:
    """The URL of a queue that a process cannot start without; of another `account` where given.

    Raises:
        ConfigurationError: there is no such queue, or SQS cannot be asked.
    """
    region = sqs.meta.region_name
    owner: Any = {"QueueOwnerAWSAccountId": account} if account else {}
    try:
        return sqs.get_queue_url(QueueName=name, **owner)["QueueUrl"]
    except ClientError as error:
        raise ConfigurationError(_explain(error_name(error), name, region)) from None
    except BotoCoreError as error:
        raise ConfigurationError(
            f"SQS cannot be reached in region {region}: {error} Check AWS_REGION, "
            "AWS_ENDPOINT_URL_SQS if it is set, and the network."
        ) from None


def queue_attributes(sqs: SQSClient, name: str, url: str) -> dict[str, str]:
    """Whose a queue is, how long it keeps messages, and when they become dead letters.

    Raises:
        ConfigurationError: SQS does not tell.
    """
    try:
        answer = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["QueueArn", "RedrivePolicy", "MessageRetentionPeriod"]
        )
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(
            f"SQS does not tell the attributes of the queue {name!r} ({error_name(error)}). Check "
            "the network, and that the credentials are allowed sqs:GetQueueAttributes."
        ) from None
    return {str(key): value for key, value in answer.get("Attributes", {}).items()}


def depth_of(sqs: SQSClient, url: str) -> Depth:
    """The depth of one queue; raises what boto3 raises."""
    return depth_in(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=DEPTH)["Attributes"])


def depth_in(found: Mapping[Any, str]) -> Depth:
    """The depth of a queue of which these attributes, `DEPTH` among them, were read."""
    return Depth(
        visible=int(found["ApproximateNumberOfMessages"]),
        in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(found["ApproximateNumberOfMessagesDelayed"]),
    )


def _explain(code: str, name: str, region: str) -> str:
    if code in MISSING_QUEUE:
        return (
            f"There is no queue {name!r} in region {region}. Run `mailsluice provision`, or check "
            "AWS_REGION, MAILSLUICE_QUEUE_PREFIX and the queue's own setting."
        )
    return (
        f"SQS refused to name the queue {name!r} in region {region} ({code}). Check the AWS "
        "credentials, and that they are allowed sqs:GetQueueUrl."
    )
