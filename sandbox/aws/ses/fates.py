"""What becomes of an accepted mail, recipient by recipient.

Source: Amazon SES developer guide, "Using the mailbox simulator" and "Using the Amazon SES
account-level suppression list".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sandbox.aws.ses.addresses import bare, simulated_fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.ses.mail import Mail


class Fate(Enum):
    """Outcomes for one recipient."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    GLOBALLY_SUPPRESSED = "globally suppressed"
    LISTED_FOR_BOUNCE = "on the account's list for a bounce"
    LISTED_FOR_COMPLAINT = "on the account's list for a complaint"


_SIMULATED = {
    "bounce": Fate.BOUNCED,
    "complaint": Fate.COMPLAINED,
    "suppressionlist": Fate.GLOBALLY_SUPPRESSED,
}
_LISTED = {"BOUNCE": Fate.LISTED_FOR_BOUNCE, "COMPLAINT": Fate.LISTED_FOR_COMPLAINT}


@dataclass(slots=True)
class Fates:
    """Recipients, as given, by what becomes of them."""

    recipients: dict[Fate, list[str]] = field(default_factory=dict)

    def of(self, fate: Fate) -> list[str]:
        return self.recipients.get(fate, [])


def fates_of(mail: Mail, listed_reason: Callable[[str], str | None]) -> Fates:
    """Decide for every recipient of a mail.

    Args:
        mail: An accepted mail.
        listed_reason: Why a bare address is on the suppression list that applies; None if not.
    """
    fates = Fates()
    for recipient in mail.destination:
        address = bare(recipient)
        reason = listed_reason(address)
        if reason is not None:
            fate = _LISTED[reason]
        else:
            fate = _SIMULATED.get(simulated_fate(address) or "", Fate.DELIVERED)
        fates.recipients.setdefault(fate, []).append(address)
    return fates
