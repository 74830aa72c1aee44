"""Every kind of event in every form that SES gives it, with odd spellings, and what each says.

Written from what AWS documents and what was seen of it, not from our code:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html,
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sample_facts import Fact

    Json = dict[str, Any]

SENT_AT = "2026-03-01T12:00:00.123Z"

ON_EVENTBRIDGE = {
    "Send": "Email Sent",
    "Delivery": "Email Delivered",
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Reject": "Email Rejected",
    "Open": "Email Opened",
    "Click": "Email Clicked",
    "Rendering Failure": "Email Rendering Failed",
    "DeliveryDelay": "Email Delivery Delayed",
    "Subscription": "Email Subscribed",
}
AS_NOTIFICATION = ("Bounce", "Complaint", "Delivery")
KEYS = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}


@dataclass(frozen=True)
class Sample:
    """A message on the queue, and which fact it tells. `is_tagged`: our id is in it."""

    name: str
    fact: Fact
    body: str
    is_tagged: bool


@dataclass(frozen=True)
class Spelling:
    """A way to write an event that changes nothing of what it says."""

    name: str
    # What is written where the address stands in the lists of recipients.
    address: Callable[[str], str] = field(default=lambda address: address)
    change: Callable[[Json, str], None] = field(default=lambda _event, _key: None)


def _without(*names: str) -> Callable[[Json, str], None]:
    def change(event: Json, _key: str) -> None:
        for name in names:
            event["mail"].pop(name, None)

    return change


def _at(written: object) -> Callable[[Json, str], None]:
    def change(event: Json, key: str) -> None:
        if "timestamp" in event[key]:
            event[key]["timestamp"] = written

    return change


def _more(event: Json, key: str) -> None:
    event["news"] = {"of": ["another", {"kind": None}]}
    event["mail"]["tags"] = event["mail"].get("tags", {}) | {"ses:news": ["1"]}
    event[key]["news"] = 1.5


def _less_sure(event: Json, key: str) -> None:
    """What the documentation calls optional is null, and single things are in no list."""
    for name in ("remoteMtaIp", "reportingMTA", "userAgent", "processingTimeMillis"):
        event[key][name] = None
    event["mail"]["destination"] = event["mail"]["destination"][0]
    event["mail"]["headersTruncated"] = True


def _joined(event: Json, _key: str) -> None:
    to = f'"Lovelace, Ada" <{event["mail"]["destination"][0]}>, Bob <bob@example.org>'
    event["mail"]["commonHeaders"] = {"to": [to], "from": ["Shop <shop@example.com>"]}


def _unnamed(event: Json, key: str) -> None:
    """Mailbox providers leave the address out, and reports come empty."""
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        for entry in event[key].get(name, []):
            entry.pop("emailAddress")
    event[key].pop("recipients", None)


def _forwarded(event: Json, key: str) -> None:
    for name in ("bouncedRecipients", "complainedRecipients"):
        for entry in event[key].get(name, []):
            entry["emailAddress"] = "final@forwarded.example.org"


SPELLINGS = [
    Spelling("plain"),
    Spelling("in capitals", str.upper),
    Spelling("with a name", lambda address: f'"Lovelace, Ada" <{address}>'),
    Spelling("with an address in its name", lambda address: f'"b@example.org" <{address}>'),
    Spelling("in brackets", lambda address: f" <{address}> "),
    Spelling("with its type", lambda address: f"rfc822;{address}"),
    Spelling("without headers", change=_without("headers", "commonHeaders", "sourceArn")),
    Spelling("without the source", change=_without("source", "sendingAccountId")),
    Spelling("without a time of sending", change=_without("timestamp")),
    Spelling("without fractions", change=_at("2026-03-01T12:00:02Z")),
    Spelling("at an offset", change=_at("2026-03-01T07:00:02.541-05:00")),
    Spelling("at a space", change=_at("2026-03-01T12:00:02 +0000")),
    Spelling("at a number", change=_at(1772366402541)),
    Spelling("at no time", change=_at("yesterday")),
    Spelling("at null", change=_at(None)),
    Spelling("in the year 2099", change=_at("2099-01-01T00:00:00.000Z")),
    Spelling("with more", change=_more),
    Spelling("with less", change=_less_sure),
    Spelling("with joined headers", change=_joined),
    Spelling("naming nobody", change=_unnamed),
    Spelling("naming a stranger", change=_forwarded),
]


def samples(fact: Fact) -> Iterator[Sample]:
    """The fact in all its forms and spellings."""
    for spelling in SPELLINGS:
        event = _event(fact, spelling)
        for form, body in _forms(fact, event):
            is_tagged = not form.startswith("notification")
            for way, text in _ways(body):
                yield Sample(f"{fact.name}, {spelling.name}, {form}, {way}", fact, text, is_tagged)


def _event(fact: Fact, spelling: Spelling) -> Json:
    written = spelling.address(fact.address)
    key = KEYS.get(fact.event, fact.event.lower())
    filled = json.dumps(fact.details).replace('"{address}"', json.dumps(written))
    event = {"mail": _mail(fact, written), key: json.loads(filled)}
    spelling.change(event, key)
    return event


def _mail(fact: Fact, written: str) -> Json:
    return {
        "timestamp": SENT_AT,
        "source": "Example Shop <shop@example.com>",
        "sourceArn": "arn:aws:ses:eu-west-1:000000000000:identity/example.com",
        "sendingAccountId": "000000000000",
        "messageId": fact.ses_message_id,
        "destination": [written],
        "headersTruncated": False,
        "headers": [{"name": "Message-ID", "value": "<another@shop.example.com>"}],
        "commonHeaders": {"to": [written], "messageId": "<another@shop.example.com>"},
        "tags": {
            "ses:configuration-set": ["mailsluice-marketing"],
            "mailsluice-message-id": [str(fact.message_id)],
            "mailsluice-stream": ["marketing"],
        },
    }


def _forms(fact: Fact, event: Json) -> Iterator[tuple[str, Json]]:
    yield "event", {"eventType": fact.event, **event}
    if fact.event in AS_NOTIFICATION:
        notification = copy.deepcopy(event)
        notification["mail"].pop("tags", None)
        notification["mail"] |= {"sourceIp": "192.0.2.10", "callerIdentity": "shop"}
        yield "notification", {"notificationType": fact.event, **notification}
    yield (
        "eventbridge",
        {
            "version": "0",
            "id": "12345678-1234-1234-1234-123456789012",
            "detail-type": ON_EVENTBRIDGE[fact.event],
            "source": "aws.ses",
            "account": "000000000000",
            "time": "2026-03-01T12:00:03Z",
            "region": "eu-west-1",
            "resources": [],
            "detail": {"eventType": fact.event, **event},
        },
    )


def _ways(body: Json) -> Iterator[tuple[str, str]]:
    text = json.dumps(body)
    envelope = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:000000000000:mailsluice-events",
        "Subject": "Amazon SES Email Event Notification",
        "Timestamp": "2026-03-01T12:00:04.000Z",
    }
    yield "raw", text
    yield "in SNS", json.dumps(envelope | {"Message": text + "\n"})
    yield "in SNS as an object", json.dumps(envelope | {"Message": body})
