"""The two batch calls that tell SQS about receipts, as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef


@dataclass(slots=True, eq=False)
class Order:
    """What SQS is to do with one receipt: delete its message, or show it again after a time."""

    receipt: str
    #: None: delete. Otherwise the visibility timeout to set, from now.
    visibility_seconds: int | None
    #: When it has waited long enough for company (monotonic).
    send_by: float = 0.0
    failures: int = 0


@dataclass(slots=True, frozen=True)
class Refusal:
    """SQS's answer to one order of a batch that otherwise went through."""

    order: Order
    code: str
    #: True when it is no use to ask again: the receipt is stale, the message has gone on.
    final: bool


def send(client: SQSClient, queue_url: str, orders: Sequence[Order]) -> list[Refusal]:
    """Send up to ten orders of one kind for one queue; answers those that SQS refused.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: the whole call failed.
    """
    if orders[0].visibility_seconds is None:
        failed = _delete(client, queue_url, orders)
    else:
        failed = _change_visibility(client, queue_url, orders)
    return [
        Refusal(orders[int(entry["Id"])], entry["Code"], final=entry["SenderFault"])
        for entry in failed
    ]


def _delete(
    client: SQSClient, queue_url: str, orders: Sequence[Order]
) -> list[BatchResultErrorEntryTypeDef]:
    answer = client.delete_message_batch(
        QueueUrl=queue_url,
        Entries=[
            {"Id": str(index), "ReceiptHandle": order.receipt} for index, order in enumerate(orders)
        ],
    )
    return answer.get("Failed", [])


def _change_visibility(
    client: SQSClient, queue_url: str, orders: Sequence[Order]
) -> list[BatchResultErrorEntryTypeDef]:
    answer = client.change_message_visibility_batch(
        QueueUrl=queue_url,
        Entries=[
            {
                "Id": str(index),
                "ReceiptHandle": order.receipt,
                "VisibilityTimeout": order.visibility_seconds or 0,
            }
            for index, order in enumerate(orders)
        ],
    )
    return answer.get("Failed", [])
