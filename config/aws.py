"""Clients of AWS services, with explicit time-outs and retries.

botocore's defaults are wrong for us in both: 60 s time-outs, and a `SendEmail` that is POSTed up
to five times, while SES has no idempotency token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import boto3
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.session import get_session

from config.errors import ConfigurationError
from config.sqs_calls import SqsCalls

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from config.settings import Settings

EXTRA_CONNECTIONS = 8

# Reading the service models is most of what a client costs to make.
_MODELS = create_loader()


def ses_sender(settings: Settings) -> SESV2Client:
    """A client that POSTs each send exactly once: a second try is the ledger's to decide."""
    return _session(settings).client("sesv2", config=_config(settings, total_max_attempts=1))


def ses_control(settings: Settings) -> SESV2Client:
    """A client for the calls to SES that may be repeated: account, identities, configuration."""
    return _session(settings).client("sesv2", config=_config(settings, total_max_attempts=3))


def ses_paced(settings: Settings) -> SESV2Client:
    """A client for calls that may be repeated, whose caller keeps their distance and does so."""
    once = _config(settings, total_max_attempts=1)
    return _session(settings).client("sesv2", config=once)


def sns(settings: Settings) -> SNSClient:
    """A client of SNS."""
    return _session(settings).client("sns", config=_config(settings, total_max_attempts=3))


def sqs(settings: Settings) -> SQSClient:
    """A client of SQS whose read time-out outlives a long poll."""
    config = _config(settings, total_max_attempts=3, read=settings.sqs_read_timeout_seconds)
    return _session(settings).client("sqs", config=config)


def sqs_receiver(settings: Settings) -> SQSClient:
    """A client of SQS for receive loops, which do their own waiting after an error.

    Receiving, deleting and changing visibility cost it a third of what they cost boto3.
    """
    config = _config(settings, total_max_attempts=1, read=settings.sqs_read_timeout_seconds)
    client = _session(settings).client("sqs", config=config)
    return cast("SQSClient", SqsCalls(client, settings))


def check_credentials(settings: Settings) -> None:
    """Find out before any work whether boto3's chain has credentials at all.

    Raises:
        ConfigurationError: there are none.
    """
    if _session(settings).get_credentials() is None:
        raise ConfigurationError(
            "No AWS credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "run with an IAM role and AWS_SES_USE_IAM_ROLE=true."
        )


def _session(settings: Settings) -> boto3.Session:
    if not settings.aws_region:
        raise ConfigurationError(
            "AWS_REGION is not set: it names the region of the queues and of the SES account."
        )
    core = get_session()
    core.register_component("data_loader", _MODELS)
    if settings.aws_ses_use_iam_role:
        core.get_component("credential_provider").remove("env")
    return boto3.Session(botocore_session=core, region_name=settings.aws_region)


def _config(settings: Settings, *, total_max_attempts: int, read: float | None = None) -> Config:
    return Config(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=read or settings.ses_read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": total_max_attempts},
        max_pool_connections=settings.concurrency + EXTRA_CONNECTIONS,
        tcp_keepalive=True,
        # botocore otherwise puts its long one together anew at every call.
        user_agent="mailsluice",
    )
