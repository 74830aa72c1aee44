"""What lies around an event, told apart by its shape: SNS, EventBridge, nothing at all.

Sources: the message formats of Amazon SNS
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html) and SES's events on
EventBridge (https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from consumers.authenticity import admit_all
from consumers.errors import Refusal, UnreadableEventError
from consumers.fields import Json, moment, text

if TYPE_CHECKING:
    from datetime import datetime

    from consumers.authenticity import Admit


class NoticeKind(StrEnum):
    """Messages that are no events: taken note of, and deleted."""

    # SES and SNS check a new topic with these.
    TOPIC_VALIDATED = "topic_validated"
    NOTIFICATIONS_ENABLED = "notifications_enabled"
    # Somebody else's topic asks to be followed; that is for a person to decide.
    SUBSCRIPTION_CONFIRMATION = "subscription_confirmation"
    UNSUBSCRIBE_CONFIRMATION = "unsubscribe_confirmation"


@dataclass(frozen=True)
class Notice:
    """A message that is no event."""

    kind: NoticeKind
    topic_arn: str | None = None


@dataclass(frozen=True)
class Enclosed:
    """What was in the envelope. `kind` is SES's own word for the event, if there is one.

    `text` is the body as it came, where it came as a text of its own.
    """

    body: Json
    kind: str | None
    published_at: datetime | None
    text: str | None = None


VALIDATION_TEXT = "Successfully validated SNS topic"
ENABLED_NOTIFICATION = "AmazonSnsSubscriptionSucceeded"

_CONFIRMATIONS = {
    "SubscriptionConfirmation": NoticeKind.SUBSCRIPTION_CONFIRMATION,
    "UnsubscribeConfirmation": NoticeKind.UNSUBSCRIBE_CONFIRMATION,
}

_ENVELOPES = ("Notification", *_CONFIRMATIONS)

_SES = "aws.ses"

_EVENTBRIDGE_KINDS = {
    "Email Sent": "Send",
    "Email Delivered": "Delivery",
    "Email Bounced": "Bounce",
    "Email Complaint Received": "Complaint",
    "Email Rejected": "Reject",
    "Email Opened": "Open",
    "Email Clicked": "Click",
    "Email Rendering Failed": "Rendering Failure",
    "Email Delivery Delayed": "DeliveryDelay",
    "Email Subscribed": "Subscription",
}


def open_envelope(
    message: str, *, received_at: datetime, admit: Admit = admit_all
) -> Enclosed | Notice:
    """Take an event out of whatever it came in, if `admit` believes that.

    Raises:
        UnreadableEventError: the message is not JSON, or holds nothing, or is not believed.
        CertificateUnavailableError: `admit` cannot tell yet.
    """
    if message.startswith(VALIDATION_TEXT):
        return Notice(NoticeKind.TOPIC_VALIDATED)
    try:
        body = _load(message)
    except UnreadableEventError:
        admit(None, received_at)
        raise
    envelope = text(body.get("Type"))
    admit(body if envelope in _ENVELOPES else None, received_at)
    if envelope in _CONFIRMATIONS:
        return Notice(_CONFIRMATIONS[envelope], text(body.get("TopicArn")))
    if envelope == "Notification":
        return _open_notification(body)
    return _open_inner(body, None, message)


def _open_notification(envelope: Json) -> Enclosed | Notice:
    message = envelope.get("Message")
    if isinstance(message, str) and message.startswith(VALIDATION_TEXT):
        return Notice(NoticeKind.TOPIC_VALIDATED, text(envelope.get("TopicArn")))
    published_at = moment(envelope.get("Timestamp"))
    if isinstance(message, str) and message.strip():
        return _open_inner(_load(message), published_at, message)
    if not isinstance(message, dict):
        raise UnreadableEventError(Refusal.NO_MESSAGE, "An SNS notification without a message.")
    return _open_inner(message, published_at, None)


def _open_inner(
    body: Json, published_at: datetime | None, written: str | None
) -> Enclosed | Notice:
    if body.get("notificationType") == ENABLED_NOTIFICATION:
        return Notice(NoticeKind.NOTIFICATIONS_ENABLED)
    if "detail-type" in body:
        return _open_eventbridge(body, published_at)
    kind = text(body.get("eventType")) or text(body.get("notificationType"))
    return Enclosed(body, kind, published_at, written)


def _open_eventbridge(body: Json, published_at: datetime | None) -> Enclosed:
    """An event in its `detail`; what is not about an e-mail, or not from SES, stays whole.

    Who may write to a bus may give an event any type, but a source of AWS only AWS may give.
    """
    kind = _EVENTBRIDGE_KINDS.get(str(body["detail-type"]))
    detail = body.get("detail")
    if kind is None or body.get("source") != _SES or not isinstance(detail, dict):
        return Enclosed(body, None, published_at)
    return Enclosed(detail, kind, moment(body.get("time")) or published_at)


def _load(message: str) -> Json:
    try:
        body = _DECODER.decode(message)
    except (ValueError, RecursionError):
        raise UnreadableEventError(Refusal.NOT_JSON, "The message is not JSON.") from None
    if not isinstance(body, dict):
        raise UnreadableEventError(Refusal.NOT_AN_OBJECT, "The message is no JSON object.")
    return body


def _no_constant(_name: str) -> NoReturn:
    # Python would read NaN and Infinity, which are no JSON and which PostgreSQL refuses.
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
