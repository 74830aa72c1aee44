"""The account that is provisioned: clients, ARNs, and what the credentials may do."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from config import aws
from config.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from config.settings import Settings


@dataclass(frozen=True)
class Place:
    """Where resources live, as every ARN says: partition, region and account."""

    partition: str
    region: str
    account_id: str

    @classmethod
    def of(cls, arn: str) -> Place:
        """The place of a resource."""
        _arn, partition, _service, region, account_id, *_resource = arn.split(":")
        return cls(partition, region, account_id)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this place."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"


class Account:
    """Clients of the three services. `place` is known once any resource was seen."""

    def __init__(self, settings: Settings, *, dry_run: bool) -> None:
        aws.check_credentials(settings)
        self.sqs: SQSClient = aws.sqs(settings)
        self.sns: SNSClient = aws.sns(settings)
        self.ses: SESV2Client = aws.ses_control(settings)
        self.dry_run = dry_run
        self.place: Place | None = None


@contextmanager
def touching(service: str, resource: str) -> Iterator[None]:
    """Name the action and the resource when the credentials are not allowed to do it.

    Raises:
        ConfigurationError: they are not.
    """
    try:
        yield
    except ClientError as error:
        if not _is_denied(error):
            raise
        raise ConfigurationError(
            f"These AWS credentials may not do {service}:{error.operation_name} on {resource}. "
            "Let their IAM policy allow it, or use credentials that may."
        ) from error


def _is_denied(error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code", "")
    text = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    # SQS and SES say AccessDenied(Exception), SNS AuthorizationError.
    named = code.endswith(("AccessDenied", "AccessDeniedException", "AuthorizationError"))
    return named or (status == HTTPStatus.FORBIDDEN and "not authorized" in text)
