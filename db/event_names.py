"""Events by the names that the tables know addresses by; of who was erased, no word of SES's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from db.address_naming import named, renamed_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from db.address_naming import Names
    from db.event_types import Bounce, Complaint, Event
    from db.suppressions import Suppression

    Named = TypeVar("Named", Bounce, Complaint, Suppression)


def by_name(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """The events, with names in the place of addresses.

    To be the first of a transaction: it then comes wholly before an erasure or a renaming, or
    wholly after.
    """
    told = {address for event in events for address in _addresses(event)}
    names = named(connection, told)
    known = {**names.names, **renamed_since(connection, told)}
    if not known:
        return list(events)
    names = replace(names, names=known)
    return [_renamed(event, names) for event in events]


def _addresses(event: Event) -> set[str]:
    return {
        *event.recipients,
        *(bounce.address for bounce in event.bounces),
        *(complaint.address for complaint in event.complaints),
        *(suppression.address for suppression in event.suppressions),
    }


def _renamed(event: Event, names: Names) -> Event:
    told = _addresses(event)
    if names.names.keys().isdisjoint(told):
        return event
    if not names.erased.isdisjoint(told):
        event = _stripped(event, names.erased)
    return replace(
        event,
        recipients={names.of(each): state for each, state in event.recipients.items()},
        bounces=_all(event.bounces, names),
        complaints=_all(event.complaints, names),
        suppressions=_all(event.suppressions, names),
    )


def _stripped(event: Event, erased: frozenset[str]) -> Event:
    bounces = [
        replace(each, diagnostic_code=None) if each.address in erased else each
        for each in event.bounces
    ]
    complaints = [
        replace(each, user_agent=None) if each.address in erased else each
        for each in event.complaints
    ]
    return replace(event, raw={}, raw_text=None, bounces=bounces, complaints=complaints)


def _all(told: Sequence[Named], names: Names) -> list[Named]:
    return [replace(each, address=names.of(each.address)) for each in told]
