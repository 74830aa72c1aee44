"""Amazon SQS as this transport sees it: its limits and how a client for it is made.

Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

MESSAGES_PER_CALL_AT_MOST = 10
WAIT_TIME_AT_MOST_SECONDS = 20
VISIBILITY_AT_MOST_SECONDS = 43_200

CONNECT_TIMEOUT_SECONDS = 3
# Without a long poll SQS answers in milliseconds; a longer wait only holds up a shutdown.
READ_TIMEOUT_SECONDS = 5
# Our own thresholds decide how many calls are open; the HTTP pool must never be the limit.
HTTP_CONNECTIONS_AT_MOST = 64


def client_from_environment(*, wait_time_seconds: int = 0) -> SQSClient:
    """An SQS client with boto3's own credentials, region and endpoint, and explicit timeouts.

    `wait_time_seconds` is the longest long poll that it will be used for. The SDK does not retry:
    every caller here has a back-off of its own, and two on top of each other hide the first error.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=wait_time_seconds + READ_TIMEOUT_SECONDS + 1,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=HTTP_CONNECTIONS_AT_MOST,
        user_agent="mailsluice",
        parameter_validation=False,
        tcp_keepalive=True,
    )
    return boto3.session.Session().client("sqs", config=config)


def whole_visibility_seconds(seconds: float) -> int:
    """`seconds` as SQS takes a visibility timeout: whole, never negative, 12 hours at most."""
    return max(0, min(math.ceil(seconds), VISIBILITY_AT_MOST_SECONDS))
