"""The JSON of SES events, as event publishing writes it.

Source: Amazon SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS"
and the examples beside it.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.ses.addresses import bare, domain_of
from sandbox.aws.ses.fates import Fate
from sandbox.aws.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.ses.fates import Fates
    from sandbox.aws.ses.mail import Mail

Json = dict[str, Any]

_MAX_HEADER_BYTES = 10_240
_OUTGOING_IP = "192.0.2.25"
_REPORTING_MTA = "a1-25.smtp-out.amazonses.com"
_SUPPRESSED_GLOBALLY = (
    "Amazon SES has suppressed sending to this address because it has a recent history of bouncing "
    "as an invalid address."
)
_SUPPRESSED_BY_ACCOUNT = (
    "Amazon SES did not send the message to this address because it is on the suppression list for "
    "your account."
)


@dataclass(slots=True, frozen=True)
class Accepted:
    """An accepted mail and what SES knows of it.

    Attributes:
        configuration_set: Name of the set whose destinations hear of it.
        accepted_at: Epoch seconds.
        operation: `SendEmail` or `SendBulkEmail`.
    """

    mail: Mail
    message_id: str
    identity: str
    region: str
    configuration_set: str
    accepted_at: float
    operation: str


@dataclass(slots=True, frozen=True)
class Event:
    """One event before it is published.

    Attributes:
        kind: As `eventType` writes it, such as `Rendering Failure`.
        key: Name of the object that holds the details.
    """

    kind: str
    key: str
    details: Json

    @property
    def api_type(self) -> str:
        """The name in `MatchingEventTypes`."""
        return self.kind.upper().replace(" ", "_")


def text_of(event: Event, accepted: Accepted) -> str:
    """The message that goes to SNS; SES ends it with a newline."""
    has_headers = event.kind != "Rendering Failure"
    left = event.kind in {"Delivery", "Bounce", "Complaint"}
    mail = _mail_object(accepted, with_headers=has_headers, left_ses=left)
    body = {"eventType": event.kind, "mail": mail, event.key: event.details}
    return json.dumps(body, separators=(",", ":")) + "\n"


def send_event() -> Event:
    return Event("Send", "send", {})


def rendering_failure(template: str, reason: str) -> Event:
    return Event("Rendering Failure", "failure", {"errorMessage": reason, "templateName": template})


def reject() -> Event:
    return Event("Reject", "reject", {"reason": "Bad content"})


def outcomes(accepted: Accepted, fates: Fates, step_seconds: float) -> Iterator[tuple[int, Event]]:
    """The events that tell what became of a mail, each with the step at which it happens.

    Args:
        accepted: The mail.
        fates: What becomes of its recipients.
        step_seconds: Time from one event to the next; the Send event has been the first step.
    """
    steps = itertools.count(2)

    def at(step: int) -> float:
        return accepted.accepted_at + step * step_seconds

    for address in fates.of(Fate.DELIVERED) + fates.of(Fate.COMPLAINED):
        step = next(steps)
        yield step, _delivery(accepted, address, at(step))
    for fate in (Fate.BOUNCED, Fate.GLOBALLY_SUPPRESSED, Fate.LISTED_FOR_BOUNCE):
        if fates.of(fate):
            step = next(steps)
            yield step, _bounce(accepted, fate, fates.of(fate), at(step))
    for fate in (Fate.COMPLAINED, Fate.LISTED_FOR_COMPLAINT):
        if fates.of(fate):
            step = next(steps)
            yield step, _complaint(accepted, fate, fates.of(fate), at(step))


def _delivery(accepted: Accepted, address: str, at: float) -> Event:
    details = {
        "timestamp": iso(at),
        "processingTimeMillis": int((at - accepted.accepted_at) * 1000),
        "recipients": [address],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": "192.0.2.125",
        "reportingMTA": _REPORTING_MTA,
    }
    return Event("Delivery", "delivery", details)


def _bounce(accepted: Accepted, fate: Fate, addresses: list[str], at: float) -> Event:
    sub_type, reporting_mta, diagnostic = {
        Fate.BOUNCED: ("General", _REPORTING_MTA, "smtp; 550 5.1.1 user unknown"),
        Fate.GLOBALLY_SUPPRESSED: ("Suppressed", "amazonses.com", _SUPPRESSED_GLOBALLY),
        Fate.LISTED_FOR_BOUNCE: (
            "OnAccountSuppressionList",
            "amazonses.com",
            _SUPPRESSED_BY_ACCOUNT,
        ),
    }[fate]
    recipient = {"action": "failed", "status": "5.1.1", "diagnosticCode": diagnostic}
    details = {
        "bounceType": "Permanent",
        "bounceSubType": sub_type,
        "bouncedRecipients": [{"emailAddress": address, **recipient} for address in addresses],
        "timestamp": iso(at),
        "feedbackId": _feedback_id(accepted, fate),
        "reportingMTA": f"dns; {reporting_mta}",
    }
    return Event("Bounce", "bounce", details)


def _complaint(accepted: Accepted, fate: Fate, addresses: list[str], at: float) -> Event:
    details: Json = {
        "complainedRecipients": [{"emailAddress": address} for address in addresses],
        "timestamp": iso(at),
        "feedbackId": _feedback_id(accepted, fate),
        "complaintSubType": None,
    }
    if fate is Fate.LISTED_FOR_COMPLAINT:
        details["complaintSubType"] = "OnAccountSuppressionList"
    else:
        details |= {
            "userAgent": "Amazon SES Mailbox Simulator",
            "complaintFeedbackType": "abuse",
            "arrivalDate": iso(at),
        }
    return Event("Complaint", "complaint", details)


def _feedback_id(accepted: Accepted, fate: Fate) -> str:
    """An id of the shape of message ids; the same for every copy of one event."""
    number = list(Fate).index(fate)
    return accepted.message_id.removesuffix("-000000") + f"-{number:06d}"


def _mail_object(accepted: Accepted, *, with_headers: bool, left_ses: bool) -> Json:
    mail = accepted.mail
    described: Json = {
        "timestamp": iso(accepted.accepted_at),
        "source": mail.source,
        "sourceArn": f"arn:aws:ses:{accepted.region}:{ACCOUNT_ID}:identity/{accepted.identity}",
        "sendingAccountId": ACCOUNT_ID,
        "messageId": accepted.message_id,
        "destination": mail.destination,
    }
    if with_headers:
        shown = _shown_headers(mail)
        described["headersTruncated"] = len(shown) < len(mail.headers)
        described["headers"] = [{"name": name, "value": value} for name, value in shown]
        described["commonHeaders"] = _common_headers(accepted)
    described["tags"] = _tags(accepted, left_ses=left_ses)
    return described


def _shown_headers(mail: Mail) -> list[tuple[str, str]]:
    shown, size = [], 0
    for name, value in mail.headers:
        size += len(name) + len(value)
        if size > _MAX_HEADER_BYTES:
            break
        shown.append((name, value))
    return shown


def _common_headers(accepted: Accepted) -> Json:
    mail = accepted.mail
    common: Json = {"from": [mail.source], "to": mail.to}
    if mail.cc:
        common["cc"] = mail.cc
    if mail.reply_to:
        common["replyTo"] = mail.reply_to
    common["messageId"] = accepted.message_id
    if mail.subject is not None:
        common["subject"] = mail.subject
    return common


def _tags(accepted: Accepted, *, left_ses: bool) -> dict[str, list[str]]:
    tags = {
        "ses:operation": [accepted.operation],
        "ses:configuration-set": [accepted.configuration_set],
        "ses:source-tls-version": ["TLSv1.3"],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [domain_of(bare(accepted.mail.source))],
        "ses:caller-identity": ["sandbox"],
    }
    if left_ses:
        tags["ses:outgoing-ip"] = [_OUTGOING_IP]
    return tags | {name: [value] for name, value in accepted.mail.tags.items()}
