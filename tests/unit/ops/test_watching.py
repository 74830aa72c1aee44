"""When there is nothing more to wait for."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.messages import MessageStatus
from db.states import FINAL, MessageState
from ops.commands.status import is_settled
from ops.meanings import MEANING


def message(state: str, **recipients: str) -> MessageStatus:
    return MessageStatus(
        id=UUID(int=1),
        stream="transactional",
        state=state,
        attempts=1,
        recipients=recipients,
        events=[],
        enqueued_at=None,
        first_seen_at=datetime(2030, 1, 1, tzinfo=UTC),
        sent_at=None,
        due_at=None,
        expires_at=None,
        ses_message_id=None,
        outcome_code=None,
        outcome_reason=None,
    )


@pytest.mark.parametrize("state", sorted(set(MessageState) - FINAL))
def test_a_message_on_its_way_is_watched_on(state: str) -> None:
    assert not is_settled(message(state, ada="delivered"))


@pytest.mark.parametrize("state", ["suppressed", "expired", "failed", "rejected"])
def test_a_message_that_was_not_sent_has_no_more_to_tell(state: str) -> None:
    assert is_settled(message(state, ada="pending"))


@pytest.mark.parametrize("state", ["sent", "delivered", "bounced", "complained"])
def test_a_sent_message_is_watched_until_its_last_recipient_is_known(state: str) -> None:
    assert not is_settled(message(state, ada="delivered", bob="sent"))
    assert not is_settled(message(state, ada="delivered", bob="delayed"))
    assert is_settled(message(state, ada="delivered", bob="bounced", eve="suppressed"))


def test_every_state_is_explained() -> None:
    assert set(MEANING) == set(MessageState)
