"""For how long and in which streams an event suppresses an address: policy made into entries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from db.suppressions import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from config.suppression import SuppressionPolicy
    from db.event_types import Event
    from db.suppressions import Suppression


def entries_of(
    event: Event, policy: SuppressionPolicy, *, message_id: UUID | None, stream: str | None
) -> list[Suppression]:
    """What the event puts on the list, with itself as the evidence.

    `stream` is that of its message, None where nobody knows it.
    """
    return [
        replace(
            suppression,
            scope=scope,
            event=event.identity,
            message_id=message_id,
            expires_at=_expiry(suppression, event, policy),
        )
        for suppression in event.suppressions
        for scope in _scopes(suppression.reason, policy, stream)
    ]


def _scopes(reason: str, policy: SuppressionPolicy, stream: str | None) -> Sequence[str]:
    """An unsubscribe is about its own stream; a bounce about the address."""
    if reason == "complaint":
        return _all_of(policy.complaint_streams)
    if reason == "unsubscribe":
        return [stream] if stream else _all_of(policy.unsubscribe_streams)
    return [EVERYWHERE]


def _all_of(streams: Sequence[str] | None) -> Sequence[str]:
    return [EVERYWHERE] if streams is None else streams


def _expiry(suppression: Suppression, event: Event, policy: SuppressionPolicy) -> datetime | None:
    lasts = {"bounce": policy.bounce_lasts, "complaint": policy.complaint_lasts}
    duration = lasts.get(suppression.reason)
    return suppression.expires_at if duration is None else event.occurred_at + duration
