"""From the text of a message to an event that is understood. Pure functions.

Source: the contents of event data that SES publishes
(https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html), and of
its notifications
(https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumers import identities
from consumers.authenticity import admit_all
from consumers.envelopes import Enclosed, Notice, open_envelope
from consumers.errors import Refusal, UnreadableEventError
from consumers.feedback import bounce_event, complaint_event
from consumers.fields import member
from consumers.recipients import Recipient, whom
from consumers.reports import Report, believed, read_mail, when
from consumers.subscriptions import subscription_event
from db.event_types import Event
from db.states import EventKind, RecipientState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from consumers.authenticity import Admit


def read(message: str, *, received_at: datetime, admit: Admit = admit_all) -> Event | Notice:
    """What a message says: an event of SES, or a notice that is none.

    `received_at` stands in for a time that is missing, cannot be read, or is still to come. An
    event of an unknown kind is kept as `EventKind.UNRECOGNISED`. `admit` says whether the message
    may be believed.

    Raises:
        UnreadableEventError: it cannot be understood or believed; the reason quotes nothing of it.
        CertificateUnavailableError: `admit` cannot tell yet.
    """
    enclosed = open_envelope(message, received_at=received_at, admit=admit)
    if isinstance(enclosed, Notice):
        return enclosed
    reader = _READERS.get(_folded(enclosed.kind or ""))
    if reader is None:
        return _unrecognised(enclosed, received_at)
    kind, key, build = reader
    event = build(_report(kind, key, enclosed, received_at))
    if not (event.ses_message_id or event.message_id or event.bounces or event.complaints):
        raise UnreadableEventError(
            Refusal.MALFORMED, f"A {kind} event that names neither a message nor a recipient."
        )
    return event


def _folded(kind: str) -> str:
    """`Rendering Failure` and `RENDERING_FAILURE` are one kind."""
    return kind.lower().replace(" ", "").replace("_", "")


def _unrecognised(enclosed: Enclosed, received_at: datetime) -> Event:
    kind = EventKind.UNRECOGNISED
    mail = read_mail(enclosed.body)
    return Event(
        identity=identities.of_content(kind, enclosed.body),
        kind=kind,
        occurred_at=believed(received_at, enclosed.published_at),
        raw=enclosed.body,
        raw_text=enclosed.text,
        ses_message_id=mail.ses_message_id,
        message_id=mail.message_id,
        stream=mail.stream,
    )


def _report(kind: EventKind, key: str, enclosed: Enclosed, received_at: datetime) -> Report:
    mail = read_mail(enclosed.body)
    details = member(enclosed.body, key)
    return Report(
        kind=kind,
        raw=enclosed.body,
        raw_text=enclosed.text,
        details=details,
        mail=mail,
        occurred_at=when(details, mail, enclosed.published_at, received_at),
    )


def _send(report: Report) -> Event:
    return _step(report, _all(report), RecipientState.SENT)


def _rejection(report: Report) -> Event:
    """A virus or a template without its data: nobody gets it."""
    return _step(report, _all(report), RecipientState.REJECTED)


def _delivery(report: Report) -> Event:
    recipients = whom(report.details.get("recipients"), report.mail.destinations)
    return _step(report, recipients, RecipientState.DELIVERED)


def _delay(report: Report) -> Event:
    named = [
        entry.get("emailAddress")
        for entry in report.entries("delayedRecipients")
        if entry.get("emailAddress")
    ]
    return _step(report, whom(named, report.mail.destinations), RecipientState.DELAYED)


def _engagement(report: Report) -> Event:
    """Who opened or clicked is known only if there was but one recipient."""
    sole = whom(None, report.mail.destinations)
    return report.event(
        identity=identities.of_content(report.kind, report.engaged()),
        recipients={each.address: RecipientState.DELIVERED for each in sole},
    )


def _all(report: Report) -> list[Recipient]:
    return [Recipient(address, addressed=True) for address in report.mail.destinations]


def _step(report: Report, recipients: Iterable[Recipient], state: RecipientState) -> Event:
    told = list(recipients)
    return report.event(
        identity=report.step_identity([each.address for each in told if each.addressed]),
        recipients={
            each.address: state if each.addressed else RecipientState.PENDING for each in told
        },
    )


# SES's name of the kind, folded: ours, the key of its own object, and how it is read.
_READERS: dict[str, tuple[EventKind, str, Callable[[Report], Event]]] = {
    "send": (EventKind.SEND, "send", _send),
    "delivery": (EventKind.DELIVERY, "delivery", _delivery),
    "deliverydelay": (EventKind.DELIVERY_DELAY, "deliveryDelay", _delay),
    "bounce": (EventKind.BOUNCE, "bounce", bounce_event),
    "complaint": (EventKind.COMPLAINT, "complaint", complaint_event),
    "reject": (EventKind.REJECT, "reject", _rejection),
    "renderingfailure": (EventKind.RENDERING_FAILURE, "failure", _rejection),
    "open": (EventKind.OPEN, "open", _engagement),
    "click": (EventKind.CLICK, "click", _engagement),
    "subscription": (EventKind.SUBSCRIPTION, "subscription", subscription_event),
}
