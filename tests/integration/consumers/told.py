"""What SES may say, written down as it writes it, about the messages of a case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

Json = dict[str, Any]
NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = UUID("3c4a0d6b-6a3e-4a80-9d0a-7c3f0e4f2b18")


@dataclass(frozen=True)
class World:
    """Gives each case, each time it is played, people and messages of its own.

    People are letters (`a`), or have a spelling of their own for `{}`, a host name of the case.
    """

    name: str

    @property
    def host(self) -> str:
        return f"{uuid5(NAMES, self.name).hex[:12]}.example.com"

    def address(self, person: str) -> str:
        return person.replace("{}", self.host) if "{}" in person else f"{person}@{self.host}"

    def message_id(self, message: str) -> UUID:
        return uuid5(NAMES, f"{self.name}/{message}")

    def ses_id(self, message: str) -> str:
        return f"0102018f-{self.message_id(message)}-000000"


Said = Callable[[World], str]


@dataclass(frozen=True)
class Removal:
    """An operator takes a person off the list."""

    person: str


@dataclass(frozen=True)
class Case:
    """`mail` are the messages in the ledger and their recipients, of stream `marketing`.

    `listed` says of a person and scope the reason, and for how many days from now on (None is for
    ever); `ends` the states of messages and of their recipients. Who is not named stays `sent`.
    With a removal among the steps their order is a part of the case.
    """

    name: str
    mail: dict[str, str]
    steps: list[Said | Removal]
    listed: dict[tuple[str, str], tuple[str, float | None]] = field(default_factory=dict)
    ends: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    refused: int = 0

    @property
    def is_ordered(self) -> bool:
        return any(isinstance(each, Removal) for each in self.steps)


def say(
    kind: str,
    message: str,
    to: str,
    details: Json | None,
    *,
    at: float | str | None = 0,
    form: str = "event",
    key: str | None = None,
    mail: Json | None = None,
) -> Said:
    """An event about a message to these people, so many days ago (`at`; None: no time is told)."""

    def told(world: World) -> str:
        inside = None if details is None else {**details, **_timestamp(at)}
        body: Json = {"mail": _mail(world, message, to, at, mail)}
        if inside is not None:
            body[key or kind.lower()] = inside
        return _in_form(_named(body, world), kind, form)

    return told


def _named(told: Any, world: World) -> Any:
    """With addresses in the place of the people, who are marked by `@@`, as feedback ids are."""
    if isinstance(told, dict):
        return {key: _named(value, world) for key, value in told.items()}
    if isinstance(told, list):
        return [_named(each, world) for each in told]
    is_person = isinstance(told, str) and told.startswith("@@")
    return world.address(told.removeprefix("@@")) if is_person else told


def _timestamp(at: float | str | None) -> Json:
    if at is None:
        return {}
    if isinstance(at, str):
        return {"timestamp": at}
    return {"timestamp": (NOW - timedelta(days=at)).isoformat(timespec="milliseconds")}


def _mail(
    world: World, message: str, to: str, at: float | str | None, changes: Json | None
) -> Json:
    sent = at if isinstance(at, int | float) else 0
    mail = {
        **_timestamp(sent + 0.001),
        "messageId": world.ses_id(message),
        "source": "Shop <shop@example.com>",
        "destination": [f"@@{person}" for person in to.split()],
        "tags": {"mailsluice-message-id": [str(world.message_id(message))]},
        **(changes or {}),
    }
    return {name: value for name, value in mail.items() if value != "left out"}


def _in_form(body: Json, kind: str, form: str) -> str:
    if form == "event":
        return json.dumps({"eventType": kind, **body})
    if form == "notification":
        body["mail"].pop("tags", None)
        return json.dumps({"notificationType": kind, **body})
    if form == "sns":
        inner = json.dumps({"eventType": kind, **body}) + "\n"
        stamp = NOW.isoformat()
        return json.dumps({"Type": "Notification", "Message": inner, "Timestamp": stamp})
    source = "aws.ses" if form == "eventbridge" else "shop.example.com"
    names = {"Bounce": "Email Bounced", "Delivery": "Email Delivered"}
    return json.dumps({"detail-type": names[kind], "source": source, "detail": body})


def gone(person: str | None, status: str | None = "5.1.1", action: str | None = "failed") -> Json:
    """One recipient's part of a report."""
    told = {"emailAddress": person and f"@@{person}", "status": status, "action": action}
    return {name: value for name, value in told.items() if value is not None}


def bounce(
    message: str,
    to: str,
    *parts: Json,
    kind: str = "Permanent",
    subtype: str = "General",
    at: float | str | None = 0,
    form: str = "event",
    feedback: str | None = None,
    mail: Json | None = None,
) -> Said:
    """A bounce; its feedback id is of this telling unless it is given."""
    details = {
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": list(parts),
        "feedbackId": feedback or f"@@{message}-{kind}-{subtype}-{at}-{form}-{len(parts)}",
    }
    return say("Bounce", message, to, details, at=at, form=form, mail=mail)


def full(message: str, to: str = "a", *, at: float | str | None, form: str = "event") -> Said:
    """A full mailbox."""
    return bounce(
        message, to, gone(to, "4.2.2"), kind="Transient", subtype="MailboxFull", at=at, form=form
    )


def complaint(
    message: str,
    to: str,
    *people: str,
    kind: str | None = "abuse",
    subtype: str | None = None,
    form: str = "event",
) -> Said:
    """A complaint of one of these people."""
    details: Json = {
        "complainedRecipients": [{"emailAddress": f"@@{person}"} for person in people],
        "complaintSubType": subtype,
        "feedbackId": f"@@{message}-{kind}-{form}",
    }
    if kind is not None:
        details["complaintFeedbackType"] = kind
    return say("Complaint", message, to, details, form=form)


def delivery(
    message: str, to: str, people: str | None = None, *, at: float | str | None = 0
) -> Said:
    """These people's servers took it."""
    named = [f"@@{person}" for person in (people or to).split()]
    return say("Delivery", message, to, {"recipients": named, "smtpResponse": "250"}, at=at)


def leaves(
    message: str, to: str, *, all_mail: bool = True, mail: Json | None = None, back: bool = False
) -> Said:
    """Somebody is out of a contact list, or comes back."""
    out = {
        "unsubscribeAll": all_mail,
        "topicSubscriptionStatus": [{"topicName": "offers", "subscriptionStatus": "OptOut"}],
    }
    stays = {
        "unsubscribeAll": False,
        "topicSubscriptionStatus": [{"topicName": "offers", "subscriptionStatus": "OptIn"}],
    }
    old, new = (out, stays) if back else (stays, out)
    details = {
        "contactList": "all",
        "source": "x",
        "oldTopicPreferences": old,
        "newTopicPreferences": new,
    }
    return say("Subscription", message, to, details, mail=mail)


def raw(text: str) -> Said:
    """Whatever this is."""
    return lambda _world: text
