"""How much lies on the queues, as far as SQS tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from config import aws
from config.errors import ConfigurationError
from config.queues import Depth, depth_of
from ops.failures import explain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sqs import SQSClient

    from config.settings import Settings


@dataclass
class Measured:
    """Depth by queue name, and why one is missing."""

    depths: dict[str, Depth] = field(default_factory=dict)
    problem: str | None = None


def measure(settings: Settings, queues: Iterable[str]) -> Measured:
    """Ask SQS for the depth of each queue. Never raises: that SQS is away is an answer too."""
    measured = Measured()
    try:
        sqs = aws.sqs(settings)
        for queue in queues:
            _measure_into(measured, sqs, queue)
    except (ConfigurationError, BotoCoreError, ClientError) as error:
        measured.problem = explain(error).sentence
    return measured


def _measure_into(measured: Measured, sqs: SQSClient, queue: str) -> None:
    try:
        measured.depths[queue] = depth_of(sqs, url_of(sqs, queue))
    except sqs.exceptions.QueueDoesNotExist:
        measured.problem = f"there is no queue {queue}. Run: mailsluice provision"


def url_of(sqs: SQSClient, queue: str) -> str:
    """The URL of a queue, by its name; raises what boto3 raises, as when there is none."""
    return sqs.get_queue_url(QueueName=queue)["QueueUrl"]
