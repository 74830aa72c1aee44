"""Puts one batch on its queue, message by message if need be, and tells what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from botocore.exceptions import ParamValidationError

from config.failures import error_name
from mailsluice.failures import SDK_ERRORS, Scope, cause_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchResultTypeDef

    from db.parking import DueMessage
    from worker.scheduler.batches import Parcel

log = structlog.get_logger(__name__)


@dataclass
class Posted:
    """What became of a batch: taken by SQS, or refused for the message's own sake.

    What is in neither list may pass later; `trouble` is SQS's code for what keeps it.
    """

    sent: list[DueMessage] = field(default_factory=list)
    refused: list[DueMessage] = field(default_factory=list)
    trouble: str | None = None


def post(sqs: SQSClient, queue_url: str, batch: Sequence[Parcel]) -> Posted:
    """Send a batch; never raises for what SQS did or did not do."""
    posted = Posted()
    _post(sqs, queue_url, batch, posted)
    return posted


def _post(sqs: SQSClient, queue_url: str, batch: Sequence[Parcel], posted: Posted) -> None:
    try:
        answer = sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[_entry(index, parcel) for index, parcel in enumerate(batch)],  # type: ignore[misc]
        )
    except Exception as error:  # noqa: BLE001  whatever one message does, the others go
        if not _is_about_messages(error):
            posted.trouble = error_name(error)
        elif len(batch) == 1:
            _refuse(posted, batch[0].message, error_name(error))
        else:
            _post_singly(sqs, queue_url, batch, posted)
    else:
        _sort(answer, batch, posted)


def _post_singly(sqs: SQSClient, queue_url: str, batch: Sequence[Parcel], posted: Posted) -> None:
    """One bad message can make SQS refuse a whole call: find it, and let the others pass."""
    for parcel in batch:
        if posted.trouble is None:
            _post(sqs, queue_url, [parcel], posted)


def _sort(answer: SendMessageBatchResultTypeDef, batch: Sequence[Parcel], posted: Posted) -> None:
    """SQS answers 200 and lists each entry as passed or failed."""
    passed = {entry["Id"] for entry in answer.get("Successful", [])}
    failed = {entry["Id"]: entry for entry in answer.get("Failed", [])}
    for index, parcel in enumerate(batch):
        failure = failed.get(str(index))
        if str(index) in passed:
            posted.sent.append(parcel.message)
        elif failure is not None and failure["SenderFault"]:
            _refuse(posted, parcel.message, failure["Code"])
        else:
            posted.trouble = failure["Code"] if failure else "NoAnswer"


def _refuse(posted: Posted, message: DueMessage, code: str) -> None:
    log.warning("SQS refused a parked message", message_id=str(message.id), code=code)
    posted.refused.append(message)


def _is_about_messages(error: Exception) -> bool:
    if isinstance(error, ParamValidationError) or not isinstance(error, SDK_ERRORS):
        return True
    return cause_of(error, "").scope is Scope.MESSAGES


def _entry(index: int, parcel: Parcel) -> dict[str, Any]:
    entry = {"Id": str(index), "MessageBody": parcel.body}
    tenant = parcel.message.payload.get("tenant")
    return entry | ({"MessageGroupId": tenant} if tenant else {})
