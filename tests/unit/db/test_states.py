"""State and event: every pair is declared, also those that change nothing."""

from __future__ import annotations

import pytest

from db.states import (
    EVENT_PROVES,
    FINAL,
    TAKEN_BY_SES,
    EventKind,
    MessageState,
    RecipientState,
    further,
    higher,
)

NOT_SENT_YET = "queued sending parked unknown held"
NEVER_SENT = "suppressed expired failed"

# For each event: from which states it leads to which. A pair that is not named changes nothing.
LEADS: dict[str, dict[str, str]] = {
    "send": {f"{NOT_SENT_YET} {NEVER_SENT}": "sent"},
    "delivery_delay": {f"{NOT_SENT_YET} {NEVER_SENT}": "sent"},
    "auto_reply": {f"{NOT_SENT_YET} {NEVER_SENT}": "sent"},
    "subscription": {f"{NOT_SENT_YET} {NEVER_SENT}": "sent"},
    "unrecognised": {f"{NOT_SENT_YET} {NEVER_SENT}": "sent"},
    "delivery": {f"{NOT_SENT_YET} {NEVER_SENT} sent": "delivered"},
    "open": {f"{NOT_SENT_YET} {NEVER_SENT} sent": "delivered"},
    "click": {f"{NOT_SENT_YET} {NEVER_SENT} sent": "delivered"},
    "reject": {f"{NOT_SENT_YET} {NEVER_SENT} sent delivered": "rejected"},
    "rendering_failure": {f"{NOT_SENT_YET} {NEVER_SENT} sent delivered": "rejected"},
    "bounce": {f"{NOT_SENT_YET} {NEVER_SENT} sent delivered rejected": "bounced"},
    "complaint": {f"{NOT_SENT_YET} {NEVER_SENT} sent delivered rejected bounced": "complained"},
}


def expected(state: str, kind: str) -> str:
    for states, after in LEADS[kind].items():
        if state in states.split():
            return after
    return state


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("state", MessageState)
def test_an_event_leads_from_a_state_to_a_state(state: MessageState, kind: EventKind) -> None:
    assert further(state, EVENT_PROVES[kind]) == expected(state, kind)


def test_the_table_declares_every_event() -> None:
    assert set(LEADS) == set(EventKind)


def test_what_ses_has_taken_is_never_sent_again() -> None:
    taken = {"sent", "delivered", "bounced", "complained", "rejected"}
    assert set(TAKEN_BY_SES) == taken
    assert set(FINAL) == taken | set(NEVER_SENT.split())


RECIPIENT_ORDER = (
    "pending suppressed sent delayed delivered rejected bounced complained".split()  # noqa: SIM905  one line reads as the order
)


@pytest.mark.parametrize("proven", RecipientState)
@pytest.mark.parametrize("state", RecipientState)
def test_of_two_states_of_a_recipient_the_later_in_the_order_wins(
    state: RecipientState, proven: RecipientState
) -> None:
    assert set(RECIPIENT_ORDER) == set(RecipientState)
    assert higher(state, proven) == max(state, proven, key=RECIPIENT_ORDER.index)
