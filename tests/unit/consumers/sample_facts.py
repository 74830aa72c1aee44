"""What SES may say of a message to one recipient, and what must come of it.

Written from what AWS documents and what was seen of it, not from our code:
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, Any]

NAMES = UUID("b7f0a7f8-3a0c-4a53-9d1e-0c5f7a0f3d11")
HAPPENED_AT = "2026-03-01T12:00:02.541Z"


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
