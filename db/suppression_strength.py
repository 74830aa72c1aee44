"""Which of two entries for one address and scope holds, in SQL: said once, for all who write them.

`s` is the entry on the list, the other one is named by its alias. The parameter `:reasons` holds
the reasons from the weakest to the strongest.

What events of soft bounces add to an entry passes again when a delivery comes, so it is kept apart
from what the entry's own reason says: `firm_until` is the end of that where soft bounces make the
entry last longer. Both parts only grow here, each by itself, so the order of writers is no matter.
"""

from __future__ import annotations

SOFT_REASON, SOFT_SOURCE = "soft_bounce", "event"


def is_soft(entry: str) -> str:
    """Whether soft bounces alone made the entry."""
    return f"({entry}.reason = '{SOFT_REASON}' AND {entry}.source = '{SOFT_SOURCE}')"


def _firm(entry: str) -> str:
    """The end of what the entry's own reason says."""
    return (
        f"(CASE WHEN {is_soft(entry)} THEN '-infinity'"
        f" ELSE coalesce({entry}.firm_until, {entry}.expires_at, 'infinity') END)"
    )


def _soft(entry: str) -> str:
    """The end of what soft bounces say."""
    return (
        f"(CASE WHEN {is_soft(entry)} OR {entry}.firm_until IS NOT NULL"
        f" THEN {entry}.expires_at ELSE '-infinity' END)"
    )


EXPIRED = "s.expires_at <= now()"


def longer(told: str) -> str:
    """Whether the entry `told` makes what is on the list last longer, or the firm part of it."""
    return f"({_firm('s')} < {_firm(told)} OR greatest({_firm('s')}, {_soft('s')}) < {_soft(told)})"


def wins(told: str) -> str:
    """Whether the entry `told` takes the place of what is on the list."""
    stronger, equal = (
        f"array_position(:reasons, {told}.reason) {sign} array_position(:reasons, s.reason)"
        for sign in (">", "=")
    )
    firm_is_over = f"(NOT {is_soft('s')} AND {_firm('s')} <= now())"
    of_its_kind = f"({is_soft('s')} OR NOT {is_soft(told)})"
    return f"({firm_is_over} OR {stronger} OR ({equal} AND {of_its_kind} AND {longer(told)}))"


_WINS, _LONGER = wins("excluded"), longer("excluded")
_FIRM = f"greatest({_firm('s')}, {_firm('excluded')})"
_SOFT = f"greatest({_soft('s')}, {_soft('excluded')})"

# The stronger reason, and the longer time: neither a bounce for a week nor a complaint for a day
# may end what somebody unsubscribed from for ever. What is over already says nothing.
KEEP_THE_STRONGER = f"""
ON CONFLICT (address, scope) DO UPDATE SET
    reason = CASE WHEN {_WINS} THEN excluded.reason ELSE s.reason END,
    source = CASE WHEN {_WINS} THEN excluded.source ELSE s.source END,
    note = CASE WHEN {_WINS} THEN excluded.note ELSE s.note END,
    message_id = CASE WHEN {_WINS} THEN excluded.message_id ELSE s.message_id END,
    feedback_id = CASE WHEN {_WINS} THEN excluded.feedback_id ELSE s.feedback_id END,
    created_at = CASE WHEN {_WINS} THEN now() ELSE s.created_at END,
    expires_at = nullif(greatest({_FIRM}, {_SOFT}), 'infinity'),
    firm_until = CASE WHEN {_FIRM} > now() AND {_FIRM} < {_SOFT} THEN {_FIRM} END
WHERE coalesce(excluded.expires_at, 'infinity') > now() AND ({_WINS} OR {_LONGER})
RETURNING address, scope, xmax = 0 AS is_new, reason, expires_at
"""
