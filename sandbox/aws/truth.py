"""The truth: every send that the simulated SES accepted."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.aws.calls import Counters

COUNTER = "sends"


@dataclass(frozen=True, slots=True)
class Send:
    """One accepted send; for SendBulkEmail one per accepted entry.

    Attributes:
        ses_message_id: The `MessageId` that was (or would have been) answered.
        accepted_at: Epoch seconds.
        monotonic: Seconds on the simulator's monotonic clock, for rates.
        recipients: Number of addresses in to, cc and bcc together.
        content_kind: `simple`, `raw` or `template`.
        action: `SendEmail` or `SendBulkEmail`.
    """

    ses_message_id: str
    source: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    tags: dict[str, str]
    configuration_set: str | None
    content_kind: str
    action: str
    recipients: int
    accepted_at: float = field(default_factory=time.time)
    monotonic: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Truth:
    """All accepted sends, in the order of acceptance."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.sends: list[Send] = []

    def record(self, send: Send) -> None:
        self.sends.append(send)
        self._counters.add(COUNTER)

    def clear(self) -> None:
        self.sends.clear()
