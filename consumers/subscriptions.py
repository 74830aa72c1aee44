"""Subscription events: somebody changed what mail of a contact list of SES they want.

An unsubscribe is remembered for ever. To subscribe again changes nothing by itself: events come in
any order, and mail that nobody wants costs more than mail that somebody misses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from consumers import identities
from consumers.fields import member, several, text
from consumers.recipients import whom
from db.suppressions import Suppression

if TYPE_CHECKING:
    from consumers.fields import Json
    from consumers.reports import Report
    from db.event_types import Event

SOURCE = "event"


def subscription_event(report: Report) -> Event:
    """A change of preferences. Whose it is, is known only if the message had but one recipient."""
    details = report.details
    is_unsubscribe = unsubscribes(
        member(details, "oldTopicPreferences"), member(details, "newTopicPreferences")
    )
    sole = whom(None, report.mail.destinations) if is_unsubscribe else []
    note = text(details.get("source"))
    return report.event(
        identity=identities.of_content(report.kind, report.engaged()),
        suppressions=[Suppression(each.address, "unsubscribe", SOURCE, note=note) for each in sole],
    )


def unsubscribes(old: Json, new: Json) -> bool:
    """Whether somebody is out of all mail, or out of one more topic than before."""
    return _is_true(new.get("unsubscribeAll")) or bool(_left(new) - _left(old))


def _left(preferences: Json) -> set[str]:
    """The topics that somebody opted out of."""
    topics = several(preferences.get("topicSubscriptionStatus"))
    return {
        text(topic.get("topicName")) or ""
        for topic in topics
        if isinstance(topic, Mapping)
        and (text(topic.get("subscriptionStatus")) or "").lower() == "optout"
    }


def _is_true(value: object) -> bool:
    return value is True or (text(value) or "").lower() == "true"
