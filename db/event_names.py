"""Events about somebody who was erased say so by the digest, and nothing of what SES wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from db.address_keys import erased

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from db.event_types import Bounce, Complaint, Event
    from db.suppressions import Suppression

    Named = TypeVar("Named", Bounce, Complaint, Suppression)


def without_erased(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """The events, with digests in the place of the addresses of those who were erased.

    To be the first of a transaction: it then comes wholly before an erasure, or wholly after.
    """
    digests = erased(connection, {address for event in events for address in _addresses(event)})
    if not digests:
        return list(events)
    return [
        _renamed(event, digests) if not digests.keys().isdisjoint(_addresses(event)) else event
        for event in events
    ]


def _addresses(event: Event) -> set[str]:
    return {
        *event.recipients,
        *(bounce.address for bounce in event.bounces),
        *(complaint.address for complaint in event.complaints),
        *(suppression.address for suppression in event.suppressions),
    }


def _renamed(event: Event, digests: Mapping[str, str]) -> Event:
    recipients = {digests.get(each, each): state for each, state in event.recipients.items()}
    bounces = [
        replace(each, diagnostic_code=None) if each.address in digests else each
        for each in event.bounces
    ]
    complaints = [
        replace(each, user_agent=None) if each.address in digests else each
        for each in event.complaints
    ]
    return replace(
        event,
        raw={},
        raw_text=None,
        recipients=recipients,
        bounces=_all(bounces, digests),
        complaints=_all(complaints, digests),
        suppressions=_all(event.suppressions, digests),
    )


def _all(told: Sequence[Named], digests: Mapping[str, str]) -> list[Named]:
    return [replace(each, address=digests.get(each.address, each.address)) for each in told]
