"""Which of two entries for one address and scope holds, in SQL: said once, for all who write them.

`s` is the entry on the list, the other one is named by its alias. The parameter `:reasons` holds
the reasons from the weakest to the strongest.
"""

from __future__ import annotations

EXPIRED = "s.expires_at <= now()"


def longer(told: str) -> str:
    """Whether the entry `told` lasts longer than what is on the list."""
    return f"s.expires_at < coalesce({told}.expires_at, 'infinity')"


def wins(told: str) -> str:
    """Whether the entry `told` takes the place of what is on the list."""
    stronger, equal = (
        f"array_position(:reasons, {told}.reason) {sign} array_position(:reasons, s.reason)"
        for sign in (">", "=")
    )
    return f"({EXPIRED} OR {stronger} OR ({equal} AND {longer(told)}))"


_WINS, _LONGER = wins("excluded"), longer("excluded")

# The stronger reason, and the longer time: neither a bounce for a week nor a complaint for a day
# may end what somebody unsubscribed from for ever.
KEEP_THE_STRONGER = f"""
ON CONFLICT (address, scope) DO UPDATE SET
    reason = CASE WHEN {_WINS} THEN excluded.reason ELSE s.reason END,
    source = CASE WHEN {_WINS} THEN excluded.source ELSE s.source END,
    note = CASE WHEN {_WINS} THEN excluded.note ELSE s.note END,
    message_id = CASE WHEN {_WINS} THEN excluded.message_id ELSE s.message_id END,
    feedback_id = CASE WHEN {_WINS} THEN excluded.feedback_id ELSE s.feedback_id END,
    created_at = CASE WHEN {_WINS} THEN now() ELSE s.created_at END,
    expires_at = CASE
        WHEN {EXPIRED} OR {_LONGER} THEN excluded.expires_at
        ELSE s.expires_at END
WHERE {_WINS} OR {_LONGER}
RETURNING address, scope, xmax = 0 AS is_new, reason, expires_at
"""
