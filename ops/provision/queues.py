"""Queues with their dead-letter queues.

Attributes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from ops.provision.account import Account, Place, touching
from ops.provision.attributes import Attributes, differences, document, told
from ops.provision.plan import DEAD_LETTERS
from ops.provision.steps import Step, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.literals import QueueAttributeNameType

    from config.settings import Settings

# The longest that SQS keeps anything: a dead letter still counts from when it was first sent.
DEAD_LETTER_RETENTION = timedelta(days=14)
# Mail waits on its queue while the quota is used up or SES has paused the account. What becomes a
# dead letter on its last day still has two days there.
LEAST_RETENTION = timedelta(days=12)
MAX_MESSAGE_BYTES = 1_048_576

# SQS may deny for a moment that a queue exists which it has just created.
SETTLING_SECONDS = 10

PlacedAttributes = Callable[[Place], Attributes]
Policy = Callable[[Place, str], Attributes]


@dataclass(frozen=True)
class QueueSpec:
    """A queue as it should be; `placed` are the attributes that hold ARNs."""

    kind: str
    name: str
    attributes: Attributes
    placed: PlacedAttributes


def specs(
    settings: Settings, name: str, *, visibility_seconds: int, policy: Policy | None
) -> list[QueueSpec]:
    """A queue and its dead-letter queue, which comes first, for the queue refers to it.

    `policy` tells, of either by its name, who may send to it besides this account itself.
    """
    admitted = policy or (lambda _place, _name: {})
    dead_letters_name = name + DEAD_LETTERS
    common = {
        "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
        "ReceiveMessageWaitTimeSeconds": str(settings.receive_wait_seconds),
        "SqsManagedSseEnabled": "true",
    }
    dead_letters = {"MessageRetentionPeriod": _seconds(DEAD_LETTER_RETENTION)}
    queue = {
        "DelaySeconds": "0",
        "MessageRetentionPeriod": _seconds(LEAST_RETENTION),
        "VisibilityTimeout": str(visibility_seconds),
    }
    return [
        QueueSpec(
            "dead-letter queue",
            dead_letters_name,
            common | dead_letters,
            lambda place: _admission(place, name) | admitted(place, dead_letters_name),
        ),
        QueueSpec(
            "queue",
            name,
            common | queue,
            lambda place: _redrive(place, name, settings.max_receive_count) | admitted(place, name),
        ),
    ]


def ensure_queue(account: Account, spec: QueueSpec) -> Step:
    """Make the queue what it should be.

    Raises:
        ConfigurationError: the credentials may not.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SQS did not do it.
    """
    with touching("sqs", f"queue {spec.name}"):
        url = _url(account, spec.name)
        existed = url is not None
        if url is None:
            if account.dry_run:
                return Step(spec.kind, spec.name, outcome_of(existed=False, changes=()))
            url = _create(account, spec)
        found = _once_known(account, lambda: _attributes(account, url))
        account.place = Place.of(found["QueueArn"])
        wanted = {**spec.attributes, **spec.placed(account.place)}
        notes = _leave_key_alone(wanted, found)
        changed = differences(wanted, found)
        if changed and not account.dry_run:
            account.sqs.set_queue_attributes(QueueUrl=url, Attributes=_for_sqs(changed))
    changes = told(changed, found) if existed else ()
    return Step(
        spec.kind, spec.name, outcome_of(existed=existed, changes=changes), (*changes, *notes)
    )


def _admission(place: Place, name: str) -> Attributes:
    sources = [place.arn("sqs", name)]
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": sources}
    return {"RedriveAllowPolicy": document(allow)}


def _redrive(place: Place, name: str, max_receive_count: int) -> Attributes:
    target = place.arn("sqs", name + DEAD_LETTERS)
    redrive = {"deadLetterTargetArn": target, "maxReceiveCount": max_receive_count}
    return {"RedrivePolicy": document(redrive)}


def _leave_key_alone(wanted: Attributes, found: Attributes) -> tuple[str, ...]:
    """A queue under a KMS key of the operator's keeps it: SQS knows one encryption at a time."""
    key = found.get("KmsMasterKeyId")
    if not key:
        return ()
    del wanted["SqsManagedSseEnabled"]
    return (f"encrypted with the KMS key {key}, which is left as it is",)


def _url(account: Account, name: str) -> str | None:
    try:
        return account.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except account.sqs.exceptions.QueueDoesNotExist:
        return None


def _create(account: Account, spec: QueueSpec) -> str:
    attributes = _for_sqs(spec.attributes)
    return account.sqs.create_queue(QueueName=spec.name, Attributes=attributes)["QueueUrl"]


def _attributes(account: Account, url: str) -> Attributes:
    found = account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return {str(name): value for name, value in found["Attributes"].items()}


def _for_sqs(attributes: Attributes) -> Mapping[QueueAttributeNameType, str]:
    return cast("Mapping[QueueAttributeNameType, str]", attributes)


def _once_known(account: Account, ask: Callable[[], Attributes]) -> Attributes:
    tries = Retrying(
        retry=retry_if_exception_type(account.sqs.exceptions.QueueDoesNotExist),
        stop=stop_after_delay(SETTLING_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )
    return tries(ask)


def _seconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds()))
