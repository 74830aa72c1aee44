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
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Json = dict[str, Any]

NAMES = UUID("b7f0a7f8-3a0c-4a53-9d1e-0c5f7a0f3d11")
SENT_AT = "2026-03-01T12:00:00.123Z"
HAPPENED_AT = "2026-03-01T12:00:02.541Z"

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
class Fact:
    """One thing that SES may say of a message to one recipient, and what must come of it.

    `details` is its object, in which `{address}` stands for the recipient. `state` is that of the
    recipient, None if it does not move; `message` that of the message; `reason` what suppresses.
    """

    name: str
    event: str
    details: Json
    kind: str
    state: str | None
    message: str
    reason: str | None = None
    is_soft: bool = False

    @property
    def address(self) -> str:
        """A recipient of its own."""
        return f"n{self.message_id.hex[:12]}@example.com"

    @property
    def message_id(self) -> UUID:
        """Our id of the message."""
        return uuid5(NAMES, self.name)

    @property
    def ses_message_id(self) -> str:
        """SES's id of it."""
        return f"0102018f3c2a9b10-{self.message_id}-000000"


@dataclass(frozen=True)
class Sample:
    """A message on the queue, and which fact it tells. `is_tagged`: our id is in it."""

    name: str
    fact: Fact
    body: str
    is_tagged: bool


# Type, subtype, the recipient's part of the report: state, reason, whether it counts as soft.
_DSN = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
_FULL = {"action": "failed", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"}
_LATE = {
    "action": "failed",
    "status": "4.4.7",
    "diagnosticCode": "smtp; 550 4.4.7 Message expired: unable to deliver in 840 minutes",
}
BOUNCES: list[tuple[str, str | None, Json, str, str | None, bool]] = [
    ("Permanent", "General", _DSN, "bounced", "bounce", False),
    ("Permanent", "General", {}, "bounced", "bounce", False),
    ("Permanent", None, _DSN, "bounced", "bounce", False),
    ("Permanent", "NoEmail", _DSN, "bounced", "bounce", False),
    ("Permanent", "Suppressed", _DSN, "bounced", "bounce", False),
    ("Permanent", "OnAccountSuppressionList", {}, "bounced", "account_list", False),
    ("Permanent", "OnTenantSuppressionList", {}, "bounced", None, False),
    ("Permanent", "EmailValidationSuppressed", {}, "bounced", None, False),
    ("Permanent", "UnsubscribedRecipient", {}, "bounced", None, False),
    ("Permanent", "NeverHeardOf", _DSN, "bounced", None, False),
    ("Permanent", "General", {"action": "delayed", "status": "4.0.0"}, "delayed", None, False),
    ("Permanent", "General", {"status": "4.0.0"}, "delayed", None, False),
    ("Permanent", "General", {"action": "delayed"}, "delayed", None, False),
    ("Permanent", "General", _DSN | {"status": "5.7.1"}, "bounced", None, False),
    ("Permanent", "General", _DSN | {"status": "5.7.26"}, "bounced", None, False),
    ("Permanent", "General", _DSN | {"status": "5.0.0"}, "bounced", "bounce", False),
    ("Transient", "General", _LATE, "bounced", None, True),
    ("Transient", None, _LATE, "bounced", None, True),
    ("Transient", "General", _LATE | {"status": "5.4.4"}, "bounced", "bounce", False),
    ("Transient", "General", _LATE | {"status": "4.7.0"}, "bounced", None, False),
    ("Transient", "MailboxFull", _FULL, "bounced", None, True),
    ("Transient", "MailboxFull", {}, "bounced", None, True),
    ("Transient", "MessageTooLarge", _DSN | {"status": "5.3.4"}, "bounced", None, False),
    ("Transient", "CustomTimeoutExceeded", _LATE, "bounced", None, False),
    ("Transient", "ContentRejected", _DSN | {"status": "5.6.0"}, "bounced", None, False),
    ("Transient", "AttachmentRejected", _DSN | {"status": "5.6.1"}, "bounced", None, False),
    ("Transient", "NeverHeardOf", _FULL, "bounced", None, False),
    ("Undetermined", "Undetermined", {}, "bounced", None, True),
    ("Undetermined", "Undetermined", _FULL, "bounced", None, True),
    ("NeverHeardOf", "General", _DSN, "bounced", None, False),
]
COMPLAINTS: list[tuple[str | None, str | None, str | None]] = [
    (None, None, "complaint"),
    ("abuse", None, "complaint"),
    ("fraud", None, "complaint"),
    ("virus", None, "complaint"),
    ("other", None, "complaint"),
    ("never-heard-of", None, "complaint"),
    ("not-spam", None, None),
    ("auth-failure", None, None),
    (None, "OnAccountSuppressionList", "account_list"),
    (None, "OnTenantSuppressionList", None),
]
DELAYS = (
    "InternalFailure",
    "General",
    "MailboxFull",
    "SpamDetected",
    "RecipientServerError",
    "IPFailure",
    "TransientCommunicationFailure",
    "BYOIPHostNameLookupUnavailable",
    "Undetermined",
    "SendingDeferral",
    "NeverHeardOf",
)


def facts() -> list[Fact]:
    """All of them, each of a message and a recipient of its own."""
    return [*_steps(), *_bounces(), *_complaints(), *_delays(), *_subscriptions()]


def _steps() -> Iterator[Fact]:
    seen = {"timestamp": HAPPENED_AT, "ipAddress": "192.0.2.1", "userAgent": "Mail/1.0"}
    clicked = seen | {"link": "https://shop.example.com/", "linkTags": None}
    delivered = {
        "timestamp": HAPPENED_AT,
        "processingTimeMillis": 2418,
        "recipients": ["{address}"],
        "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "a7-12.smtp-out.eu-west-1.amazonses.com",
    }
    unrendered = {"templateName": "welcome", "errorMessage": "Attribute 'name' is not present"}
    yield Fact("send", "Send", {}, "send", "sent", "sent")
    yield Fact("delivery", "Delivery", delivered, "delivery", "delivered", "delivered")
    yield Fact("reject", "Reject", {"reason": "Bad content"}, "reject", "rejected", "rejected")
    yield Fact(
        "unrendered", "Rendering Failure", unrendered, "rendering_failure", "rejected", "rejected"
    )
    yield Fact("open", "Open", seen, "open", "delivered", "delivered")
    yield Fact("bot", "Open", seen | {"isBotEvent": "Likely"}, "open", "delivered", "delivered")
    yield Fact("click", "Click", clicked, "click", "delivered", "delivered")


def _bounces() -> Iterator[Fact]:
    for number, (kind, subtype, told, state, reason, is_soft) in enumerate(BOUNCES):
        name = f"bounce {number} {kind}/{subtype}"
        details = {
            "bounceType": kind,
            "bounceSubType": subtype,
            "bouncedRecipients": [{"emailAddress": "{address}", **told}],
            "timestamp": HAPPENED_AT,
            "feedbackId": f"0102018f3c2aa1f0-bounce-{number}-000000",
            "remoteMtaIp": "192.0.2.25",
        }
        message = "sent" if state == "delayed" else "bounced"
        yield Fact(name, "Bounce", details, "bounce", state, message, reason, is_soft)
    reply = {
        "bounceType": "Transient",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "{address}"}],
        "timestamp": HAPPENED_AT,
        "feedbackId": "0102018f3c2aa1f0-reply-000000",
    }
    yield Fact("out of office", "Bounce", reply, "auto_reply", "sent", "sent")


def _complaints() -> Iterator[Fact]:
    for number, (kind, subtype, reason) in enumerate(COMPLAINTS):
        details = {
            "complainedRecipients": [{"emailAddress": "{address}"}],
            "timestamp": HAPPENED_AT,
            "feedbackId": f"0102018f3c2aa1f0-complaint-{number}-000000",
            "complaintSubType": subtype,
            **({} if kind is None else {"complaintFeedbackType": kind, "userAgent": "FBL/1.0"}),
        }
        name = f"complaint {kind}/{subtype}"
        yield Fact(name, "Complaint", details, "complaint", "complained", "complained", reason)


def _delays() -> Iterator[Fact]:
    for kind in DELAYS:
        details = {
            "delayType": kind,
            "delayedRecipients": [{"emailAddress": "{address}", "status": "4.4.1"}],
            "expirationTime": "2026-03-02T02:00:00.000Z",
            "timestamp": HAPPENED_AT,
        }
        yield Fact(f"delay {kind}", "DeliveryDelay", details, "delivery_delay", "delayed", "sent")


def _subscriptions() -> Iterator[Fact]:
    def topics(*, all_mail: bool, offers: str) -> Json:
        one = {"topicName": "offers", "subscriptionStatus": offers}
        return {"unsubscribeAll": all_mail, "topicSubscriptionStatus": [one]}

    stays, left = topics(all_mail=False, offers="OptIn"), topics(all_mail=False, offers="OptOut")
    changes = [
        ("leaves all", stays, topics(all_mail=True, offers="OptOut"), "unsubscribe"),
        ("leaves a topic", stays, left, "unsubscribe"),
        ("comes back", left, stays, None),
        ("changes nothing", left, left, None),
    ]
    for name, old, new, reason in changes:
        details = {
            "contactList": "customers",
            "timestamp": HAPPENED_AT,
            "source": "UnsubscribeHeader",
            "newTopicPreferences": new,
            "oldTopicPreferences": old,
        }
        yield Fact(name, "Subscription", details, "subscription", None, "sent", reason)


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
