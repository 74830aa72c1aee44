"""Bounces and complaints: the events that speak about recipients one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from config.logs import redact
from consumers import identities
from consumers.errors import Refusal, UnreadableEventError
from consumers.fields import identifier, moment, text
from consumers.policy import (
    GENERAL,
    PERMANENT,
    TRANSIENT,
    UNDETERMINED,
    Weight,
    complaint_suppresses,
    is_auto_reply,
    is_mirrored,
    is_still_tried,
    weight,
)
from consumers.recipients import Recipient, read_addresses, whom
from db.event_types import Bounce, Complaint, Event
from db.states import EventKind, RecipientState, higher
from db.suppressions import Suppression

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumers.fields import Json
    from consumers.reports import Report

SOURCE = "event"
DSN_FIELDS = ("status", "action", "diagnosticCode")
BOUNCE_REASONS = {Weight.HARD: "bounce", Weight.MIRRORED: "account_list"}


def bounce_event(report: Report) -> Event:
    """A bounce, or an automatic reply that SES took for one.

    Raises:
        UnreadableEventError: the event has no `bounce` object.
    """
    _check(report)
    entries = report.entries("bouncedRecipients")
    identity = _identity(report, entries)
    if is_auto_reply(*_cause(report), _from_a_dsn(report, entries)):
        return _auto_reply(report, identity, entries)
    told = [
        (recipient, _bounce(report, identity, entry, recipient))
        for entry, recipient in _recipients(report, entries)
    ]
    return report.event(
        identity=identity,
        recipients=_proven((recipient, _bounced_state(bounce)) for recipient, bounce in told),
        bounces=[bounce for _recipient, bounce in told],
        suppressions=[
            _suppression(BOUNCE_REASONS[weighed], bounce, bounce.cause)
            for recipient, bounce in told
            if recipient.addressed and (weighed := weight(bounce)) in BOUNCE_REASONS
        ],
    )


def complaint_event(report: Report) -> Event:
    """A complaint. Mailbox providers leave the address out: SES names all who it may have been.

    Raises:
        UnreadableEventError: the event has no `complaint` object.
    """
    _check(report)
    entries = report.entries("complainedRecipients")
    identity = _identity(report, entries)
    told = [
        (recipient, _complaint(report, identity, recipient))
        for _entry, recipient in _recipients(report, entries)
    ]
    return report.event(
        identity=identity,
        recipients=_proven((recipient, RecipientState.COMPLAINED) for recipient, _each in told),
        complaints=[complaint for _recipient, complaint in told],
        suppressions=[
            _suppression(_complaint_reason(complaint), complaint, complaint.complaint_type)
            for recipient, complaint in told
            if recipient.addressed and complaint_suppresses(complaint)
        ],
    )


def _check(report: Report) -> None:
    if not report.details:
        raise UnreadableEventError(
            Refusal.MALFORMED, f"A {report.kind} event without its {report.kind} object."
        )


def _identity(report: Report, entries: Iterable[Json]) -> str:
    addresses = read_addresses([entry.get("emailAddress") for entry in entries])
    feedback_id = identifier(report.details.get("feedbackId"))
    if feedback_id is None:
        return report.step_identity(addresses)
    return identities.of_feedback(report.kind, feedback_id, addresses)


def _recipients(report: Report, entries: list[Json]) -> list[tuple[Json, Recipient]]:
    """Each entry with whom it means; a report that names nobody means the only recipient."""
    return [
        (entry, recipient)
        for entry in entries or [{}]
        for recipient in whom(entry.get("emailAddress"), report.mail.destinations)
    ]


def _cause(report: Report) -> tuple[str, str]:
    """A subtype that is missing says nothing in particular; one that is unknown stands as it is."""
    bounce_type = identifier(report.details.get("bounceType")) or UNDETERMINED
    plain = GENERAL if bounce_type in (PERMANENT, TRANSIENT) else UNDETERMINED
    return bounce_type, identifier(report.details.get("bounceSubType")) or plain


def _from_a_dsn(report: Report, entries: list[Json]) -> list[str | None]:
    """What is there only if a server wrote a delivery status notification."""
    of_each = [text(entry.get(key)) for entry in entries for key in DSN_FIELDS]
    return [text(report.details.get("reportingMTA")), *of_each]


def _auto_reply(report: Report, identity: str, entries: list[Json]) -> Event:
    recipients = [recipient for _entry, recipient in _recipients(report, entries)]
    return report.event(
        identity=identity,
        kind=EventKind.AUTO_REPLY,
        recipients=_proven((recipient, RecipientState.SENT) for recipient in recipients),
    )


def _bounce(report: Report, identity: str, entry: Json, recipient: Recipient) -> Bounce:
    bounce_type, bounce_subtype = _cause(report)
    bounce = Bounce(
        address=recipient.address,
        bounce_type=bounce_type,
        bounce_subtype=bounce_subtype,
        feedback_id=identifier(report.details.get("feedbackId")) or identity,
        bounced_at=report.occurred_at,
        action=text(entry.get("action")),
        status=text(entry.get("status")),
        diagnostic_code=_redacted(entry.get("diagnosticCode")),
        reporting_mta=_redacted(report.details.get("reportingMTA")),
        remote_mta_ip=text(report.details.get("remoteMtaIp")),
    )
    return replace(bounce, is_soft=recipient.addressed and weight(bounce) is Weight.SOFT)


def _redacted(value: object) -> str | None:
    """Servers quote whom they refuse, and to whom they forward."""
    told = text(value)
    return told and redact(told)


def _bounced_state(bounce: Bounce) -> RecipientState:
    """Only a permanent bounce may list recipients that are still being tried."""
    return RecipientState.DELAYED if is_still_tried(bounce) else RecipientState.BOUNCED


def _complaint(report: Report, identity: str, recipient: Recipient) -> Complaint:
    details = report.details
    return Complaint(
        address=recipient.address,
        feedback_id=identifier(details.get("feedbackId")) or identity,
        complained_at=report.occurred_at,
        complaint_type=identifier(details.get("complaintFeedbackType")),
        complaint_subtype=identifier(details.get("complaintSubType")),
        user_agent=_redacted(details.get("userAgent")),
        arrived_at=moment(details.get("arrivalDate")),
    )


def _complaint_reason(complaint: Complaint) -> str:
    return "account_list" if is_mirrored(complaint) else "complaint"


def _suppression(reason: str, evidence: Bounce | Complaint, note: str | None) -> Suppression:
    return Suppression(
        address=evidence.address,
        reason=reason,
        source=SOURCE,
        note=note,
        feedback_id=evidence.feedback_id,
    )


def _proven(states: Iterable[tuple[Recipient, RecipientState]]) -> dict[str, RecipientState]:
    """Of a stranger nothing is proven; but that only strangers are named says something."""
    proven: dict[str, RecipientState] = {}
    for recipient, state in states:
        known = proven.get(recipient.address, RecipientState.PENDING)
        proven[recipient.address] = higher(known, state) if recipient.addressed else known
    return proven
