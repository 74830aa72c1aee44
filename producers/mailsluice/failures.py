"""What an error of SQS means for whoever enqueues, in one table.

Names of errors: botocore's model of SQS, the SQS API reference, and "Common Errors" of AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

# All that boto3 raises once a call has begun.
SDK_ERRORS: Final = (BotoCoreError, ClientError, ResponseParserError)

_SERVER_ERROR = 500


class Scope(Enum):
    """What an error is about, and so what is to be done with the rest."""

    ENTRIES = "these entries, at this moment: the rest of the call passed"
    MESSAGES = "these messages: others may well pass"
    QUEUE = "this queue: other streams may well pass"
    MOMENT = "this moment: the same call may pass later"
    EVERYTHING = "the caller: no call will pass until somebody mends it"


SCOPES: Final = {
    **dict.fromkeys(
        (
            "BatchEntryIdsNotDistinct",
            "BatchRequestTooLong",
            "EmptyBatchRequest",
            "InvalidBatchEntryId",
            "InvalidMessageContents",
            "InvalidParameterValue",
            "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        ),
        Scope.MESSAGES,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "InvalidAddress",
            "KmsAccessDenied",
            "KmsDisabled",
            "KmsInvalidKeyUsage",
            "KmsInvalidState",
            "KmsNotFound",
            "KmsOptInRequired",
            "QueueDoesNotExist",
        ),
        Scope.QUEUE,
    ),
    **dict.fromkeys(
        ("KmsThrottled", "OverLimit", "RequestThrottled", "Throttling", "TooManyRequests"),
        Scope.MOMENT,
    ),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidSignature",
            "MissingAuthenticationToken",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClient",
        ),
        Scope.EVERYTHING,
    ),
}

# One error has several spellings: that of the query protocol, with its prefix, and the shape's.
_SPELLINGS = {
    "KMSAccessDenied": "KmsAccessDenied",
    "KMSDisabled": "KmsDisabled",
    "KMSInvalidKeyUsage": "KmsInvalidKeyUsage",
    "KMSInvalidState": "KmsInvalidState",
    "KMSNotFound": "KmsNotFound",
    "KMSOptInRequired": "KmsOptInRequired",
    "KMSThrottling": "KmsThrottled",
    "NonExistentQueue": "QueueDoesNotExist",
}

_ADVICE = {
    "AccessDenied": "The credentials need sqs:GetQueueUrl and sqs:SendMessage on it.",
    "QueueDoesNotExist": "Create it with `mailsluice provision`, or check the stream's name, the "
    "queue prefix and the region.",
    Scope.EVERYTHING: "The AWS credentials are wrong or have expired.",
    Scope.MOMENT: "Try again.",
}
_KMS_ADVICE = "Its KMS key must be enabled, and the credentials need kms:GenerateDataKey on it."


@dataclass(frozen=True, slots=True)
class Cause:
    """Why SQS did not take messages: its scope, and a sentence for the caller."""

    scope: Scope
    sentence: str


def cause_of(error: Exception, queue_name: str) -> Cause:
    """Classify what boto3 raised on a call for this queue."""
    if isinstance(error, ClientError):
        return _answered(error, queue_name)
    if isinstance(error, NoCredentialsError):
        return Cause(
            Scope.EVERYTHING,
            "There are no AWS credentials: set them in the environment, a profile or a role.",
        )
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return Cause(Scope.MOMENT, f"SQS cannot be reached: {error}")
    if isinstance(error, HTTPClientError | ResponseParserError):
        return Cause(
            Scope.MOMENT,
            f"SQS gave no answer for queue {queue_name}, so that nobody knows whether it took the "
            "message. Send the same message again: it has the same id and is mailed once.",
        )
    return Cause(Scope.EVERYTHING, f"The call to SQS could not be made: {error}")


def is_missing_queue(error: ClientError) -> bool:
    """Whether SQS knows no such queue."""
    return _name(error) == "QueueDoesNotExist"


def _name(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "").removeprefix("AWS.SimpleQueueService.")
    name = code.replace("KMS.", "KMS").removesuffix("Exception")
    return _SPELLINGS.get(name, name)


def _answered(error: ClientError, queue_name: str) -> Cause:
    name = _name(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    scope = SCOPES.get(name, Scope.MOMENT if status >= _SERVER_ERROR else Scope.MESSAGES)
    advice = _ADVICE.get(name) or _ADVICE.get(scope) or ""
    if name.startswith("Kms") and scope is Scope.QUEUE:
        advice = _KMS_ADVICE
    if name == "QueueDoesNotExist":
        return Cause(scope, f"There is no queue {queue_name}. {advice}")
    text = error.response.get("Error", {}).get("Message") or "no text"
    return Cause(scope, f"SQS answered {name} for queue {queue_name} ({text}). {advice}".strip())
