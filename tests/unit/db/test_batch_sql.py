"""Arrays as PostgreSQL reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from db.batch_sql import array, rank_of
from db.states import RecipientState


def test_each_element_is_quoted_and_nothing_is_null_alone() -> None:
    assert array([]) == "{}"
    assert array(["a,b", None, "NULL", ""]) == '{"a,b",NULL,"NULL",""}'
    assert array(['say "hi"', "back\\slash", "{}"]) == '{"say \\"hi\\"","back\\\\slash","{}"}'


def test_states_times_and_ids_are_written_as_themselves() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    assert array([moment]) == '{"2026-03-01 12:00:00.000005+00:00"}'
    assert array([UUID(int=1)]) == '{"00000000-0000-0000-0000-000000000001"}'
    assert array([RecipientState.SENT, 4, True]) == '{"sent","4","True"}'


def test_a_rank_is_that_of_the_table() -> None:
    written = rank_of("r.state", {RecipientState.SENT: 2, RecipientState.BOUNCED: 6})
    assert written == "(CASE r.state WHEN 'sent' THEN 2 WHEN 'bounced' THEN 6 END)"
