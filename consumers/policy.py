"""Which bounces and complaints put an address on the suppression list.

Sources: Amazon SES, contents of the event data
(https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html) and
feedback loop types (https://www.iana.org/assignments/marf-parameters). Enhanced status codes are
those of RFC 3463, actions those of RFC 3464.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from db.event_types import Bounce, Complaint

PERMANENT = "Permanent"
TRANSIENT = "Transient"
UNDETERMINED = "Undetermined"
GENERAL = "General"


class Weight(Enum):
    """What a bounce says against its address."""

    HARD = auto()  # it takes no mail
    MIRRORED = auto()  # SES's list for our account holds it: no server was asked
    SOFT = auto()  # it took no mail this time; several of these count
    NOTHING = auto()


# Every cause that SES names. The permanent ones that say nothing: one tenant's list, a prediction
# that no server made, and an opt-out from one topic. The transient ones: the message's size or
# content, and a time-out of our own making. A cause that is not here says nothing.
WEIGHS: dict[tuple[str, str], Weight] = {
    (PERMANENT, GENERAL): Weight.HARD,
    (PERMANENT, "NoEmail"): Weight.HARD,
    (PERMANENT, "Suppressed"): Weight.HARD,
    (PERMANENT, "OnAccountSuppressionList"): Weight.MIRRORED,
    (PERMANENT, "OnTenantSuppressionList"): Weight.NOTHING,
    (PERMANENT, "EmailValidationSuppressed"): Weight.NOTHING,
    (PERMANENT, "UnsubscribedRecipient"): Weight.NOTHING,
    (TRANSIENT, GENERAL): Weight.SOFT,
    (TRANSIENT, "MailboxFull"): Weight.SOFT,
    (TRANSIENT, "MessageTooLarge"): Weight.NOTHING,
    (TRANSIENT, "CustomTimeoutExceeded"): Weight.NOTHING,
    (TRANSIENT, "ContentRejected"): Weight.NOTHING,
    (TRANSIENT, "AttachmentRejected"): Weight.NOTHING,
    (UNDETERMINED, UNDETERMINED): Weight.SOFT,
}

COMPLAINT_TYPES = frozenset({"abuse", "auth-failure", "fraud", "not-spam", "other", "virus"})
HARMLESS_COMPLAINT_TYPES = frozenset({"auth-failure", "not-spam"})
ACCOUNT_LIST = "OnAccountSuppressionList"
TENANT_LIST = "OnTenantSuppressionList"

# RFC 3463: a class, a subject, and a detail that some servers leave out.
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})(?:\.(\d{1,3}))?")
_POLICY_SUBJECT = "7"
# "Unable to route": the domain has no server. SES tried for hours before it gave up.
_NO_SUCH_HOST = ("5", "4", "4")


def weight(bounce: Bounce) -> Weight:
    """What this recipient's own part of the bounce says against its address.

    A bounce may list recipients that are only delayed, or even delivered to, and a refusal for
    policy (x.7.x) is about the sender.
    """
    told = WEIGHS.get((bounce.bounce_type, bounce.bounce_subtype), Weight.NOTHING)
    status = _parts(bounce.status)
    if told is Weight.NOTHING or not has_failed(bounce) or status[1] == _POLICY_SUBJECT:
        return Weight.NOTHING
    if told is Weight.SOFT:
        return _soft(bounce, status)
    return told if failed_for_good(bounce) else Weight.NOTHING


def failed_for_good(bounce: Bounce) -> bool:
    """Whether the report gives this recipient up. One without a status does."""
    if bounce.bounce_type != PERMANENT or not has_failed(bounce):
        return False
    return bounce.status is None or _parts(bounce.status)[0] == "5"


def is_still_tried(bounce: Bounce) -> bool:
    """Whether a permanent bounce names this recipient though it has not failed, or not for good."""
    if bounce.bounce_type != PERMANENT:
        return False
    return not has_failed(bounce) or _parts(bounce.status)[0] in ("2", "4")


def has_failed(bounce: Bounce) -> bool:
    """Whether this recipient failed, by the report; it may be delayed, delivered, or relayed."""
    return (bounce.action or "failed").lower() == "failed"


def is_policy_refusal(bounce: Bounce) -> bool:
    """Whether the recipient's server refused the sender rather than the address (5.7.x)."""
    return _parts(bounce.status)[:2] == ("5", _POLICY_SUBJECT)


def is_auto_reply(bounce_type: str, bounce_subtype: str, reported: Iterable[str | None]) -> bool:
    """Whether this is an answer like "out of office", which SES reports as a transient bounce.

    `reported` is what a delivery status notification (DSN) would have brought. A true bounce
    has something of it; a reply that a person's mailbox wrote has nothing.
    """
    return (bounce_type, bounce_subtype) == (TRANSIENT, GENERAL) and not any(reported)


def complaint_suppresses(complaint: Complaint) -> bool:
    """Whether the complaint speaks for the recipient. One without a type does."""
    if complaint.complaint_subtype == TENANT_LIST:
        return False
    return (complaint.complaint_type or "").lower() not in HARMLESS_COMPLAINT_TYPES


def is_mirrored(complaint: Complaint) -> bool:
    """Whether nobody complained anew: SES did not deliver, as its list for the account says so."""
    return complaint.complaint_subtype == ACCOUNT_LIST


def _soft(bounce: Bounce, status: tuple[str | None, str | None, str | None]) -> Weight:
    """A transient bounce without a status may be an answering machine, unless SES says more."""
    if status == _NO_SUCH_HOST:
        return Weight.HARD
    if (bounce.bounce_type, bounce.bounce_subtype) != (TRANSIENT, GENERAL):
        return Weight.SOFT
    return Weight.SOFT if status[0] in ("4", "5") else Weight.NOTHING


def _parts(status: str | None) -> tuple[str | None, str | None, str | None]:
    """`5`, `1` and `1` of `5.1.1`; also of `550 5.1.1 …`, and the class alone of `5`."""
    found = _STATUS.search(status or "")
    if found:
        return found.group(1), found.group(2), found.group(3)
    return (status or "")[:1] or None, None, None
