"""How the simulated SES may be set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class SesSettings:
    """The account's state and limits.

    Attributes:
        max_send_rate: Recipients per second.
        max_24_hour_send: Recipients in a rolling day; -1 for no limit.
        sent_last_24_hours: What counts as sent before the simulator started.
        enforcement_status: `HEALTHY`, `PROBATION` or `SHUTDOWN`; the last one pauses sending.
        production_access: Off for the SES sandbox, where recipients must be verified too.
        suspended: The account may never send again.
        paused_as: How a paused account answers: `exception` or `message_rejected`.
        quota_as: How a full day answers: `limit_exceeded` or `too_many_requests`.
        strict_identities: Refuse senders that are no verified identity.
        bulk_rate_by_entry: Draw a bulk call's rate entry by entry, so that one call can be
            throttled in part; otherwise one token left admits the whole call into debt.
        suppression_calls_per_second: Calls about the suppression list beyond that are throttled;
            0 for no limit.
    """

    max_send_rate: float = 14.0
    max_24_hour_send: float = 50_000.0
    sent_last_24_hours: float = 0.0
    sending_enabled: bool = True
    enforcement_status: Literal["HEALTHY", "PROBATION", "SHUTDOWN"] = "HEALTHY"
    production_access: bool = True
    suspended: bool = False
    paused_as: Literal["exception", "message_rejected"] = "exception"
    quota_as: Literal["limit_exceeded", "too_many_requests"] = "limit_exceeded"
    latency_seconds: float = 0.0
    paused_configuration_sets: list[str] = field(default_factory=list)
    strict_identities: bool = True
    bulk_rate_by_entry: bool = False
    suppression_calls_per_second: float = 0.0
    suppressed_reasons: list[str] = field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])


@dataclass(slots=True)
class EventSettings:
    """How events are published.

    Attributes:
        delay_seconds: From acceptance to the Send event, and from there to what becomes of it.
        copies: How many times each event is published.
        shuffle: Publish in random order among what is pending.
        hold: Keep events back until this is off again.
    """

    delay_seconds: float = 0.005
    copies: int = 1
    shuffle: bool = False
    hold: bool = False
