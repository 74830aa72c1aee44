"""Which bounces and complaints put an address on the suppression list.

Sources: Amazon SES, contents of the event data
(https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html) and
feedback loop types (https://www.iana.org/assignments/marf-parameters). Enhanced status codes are
those of RFC 3463.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from db.event_types import Bounce, Complaint

PERMANENT = "Permanent"
TRANSIENT = "Transient"
UNDETERMINED = "Undetermined"

# Every cause that SES names, and whether it speaks against the address itself. The subtypes that
# do not, although permanent: one tenant's list, a prediction that no server made, and an opt-out
# from one topic. A cause that is not here does not suppress.
SUPPRESSES: dict[tuple[str, str], bool] = {
    (PERMANENT, "General"): True,
    (PERMANENT, "NoEmail"): True,
    (PERMANENT, "Suppressed"): True,
    (PERMANENT, "OnAccountSuppressionList"): True,
    (PERMANENT, "OnTenantSuppressionList"): False,
    (PERMANENT, "EmailValidationSuppressed"): False,
    (PERMANENT, "UnsubscribedRecipient"): False,
    (TRANSIENT, "General"): False,
    (TRANSIENT, "MailboxFull"): False,
    (TRANSIENT, "MessageTooLarge"): False,
    (TRANSIENT, "CustomTimeoutExceeded"): False,
    (TRANSIENT, "ContentRejected"): False,
    (TRANSIENT, "AttachmentRejected"): False,
    (UNDETERMINED, UNDETERMINED): False,
}

COMPLAINT_TYPES = frozenset({"abuse", "auth-failure", "fraud", "not-spam", "other", "virus"})
HARMLESS_COMPLAINT_TYPES = frozenset({"auth-failure", "not-spam"})
TENANT_LIST = "OnTenantSuppressionList"

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})")
_POLICY_SUBJECT = "7"


def bounce_suppresses(bounce: Bounce) -> bool:
    """Whether this recipient's own part of the bounce speaks against its address.

    A permanent bounce may list recipients that are only delayed, and a refusal for policy (5.7.x)
    is about the sender.
    """
    if not SUPPRESSES.get((bounce.bounce_type, bounce.bounce_subtype), False):
        return False
    return failed_for_good(bounce) and not is_policy_refusal(bounce)


def failed_for_good(bounce: Bounce) -> bool:
    """Whether the report gives this recipient up. One without a status does."""
    if bounce.bounce_type != PERMANENT or (bounce.action or "").lower() == "delayed":
        return False
    return bounce.status is None or _class_and_subject(bounce.status)[0] == "5"


def is_policy_refusal(bounce: Bounce) -> bool:
    """Whether the recipient's server refused the sender rather than the address (5.7.x)."""
    return bounce.status is not None and _class_and_subject(bounce.status) == ("5", _POLICY_SUBJECT)


def is_auto_reply(bounce_type: str, bounce_subtype: str, statuses: Iterable[str | None]) -> bool:
    """Whether this is an answer like "out of office", which SES reports as a transient bounce.

    A true bounce carries a delivery status; a reply that a person's mailbox wrote has none.
    """
    return (bounce_type, bounce_subtype) == (TRANSIENT, "General") and not any(statuses)


def complaint_suppresses(complaint: Complaint) -> bool:
    """Whether the complaint speaks for the recipient. One without a type does."""
    if complaint.complaint_subtype == TENANT_LIST:
        return False
    return (complaint.complaint_type or "").lower() not in HARMLESS_COMPLAINT_TYPES


def _class_and_subject(status: str) -> tuple[str, str | None]:
    """`5` and `1` of `5.1.1`; also of `550 5.1.1 …`, and the class alone of `5`."""
    found = _STATUS.search(status)
    return (found.group(1), found.group(2)) if found else (status[:1], None)
