"""One message that this process holds, from its receipt until SQS has it back or it is deleted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.transport.envelope import Envelope

_MILLISECONDS_PER_SECOND = 1000


class Stage(Enum):
    """How far a held message has come. The order is the order of life."""

    ARRIVED = auto()  #: received, not yet shown to Celery
    HANDED = auto()  #: Celery has it; whether its task has started cannot be told
    WAITING = auto()  #: Celery has it and will ask `InHand.begin` before its task starts
    STARTED = auto()  #: its task runs or has run


@dataclass(slots=True, eq=False)
class Held:
    """A message in hand. `receipt` is what SQS wants to hear for a delete or a change."""

    queue: str
    receipt: str
    message_id: str
    receive_count: int
    sent_at_epoch_seconds: float
    received_at: float = field(default_factory=monotonic)
    extend_at: float = math.inf
    stage: Stage = Stage.ARRIVED
    #: Set by the task: do not delete, show it again after so many seconds.
    give_back_after_seconds: float | None = None
    #: Set when it was returned to SQS: the visibility timeout that it was returned with.
    returned_with_seconds: int | None = None

    @classmethod
    def from_sqs(cls, queue: str, message: dict[str, Any]) -> Held:
        """From one entry of a ReceiveMessage answer."""
        attributes = message.get("Attributes", {})
        sent_ms = int(attributes.get("SentTimestamp", 0))
        return cls(
            queue=queue,
            receipt=message["ReceiptHandle"],
            message_id=message.get("MessageId", ""),
            receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
            sent_at_epoch_seconds=sent_ms / _MILLISECONDS_PER_SECOND,
        )


@dataclass(slots=True, frozen=True, eq=False)
class Delivery:
    """A held message and its opened envelope, on their way to Celery."""

    held: Held
    envelope: Envelope
