"""Starts of messages: who was in hand at a death is suspect, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import text

from db import starts
from db.starts import Standing, Start

if TYPE_CHECKING:
    from sqlalchemy import Engine

Q = "queue"


def begin(engine: Engine, message: str, receive_count: int) -> Standing:
    return starts.begin(engine, Q, [Start(message, receive_count)])[message]


def test_a_start_that_ended_leaves_no_suspicion(engine: Engine) -> None:
    for receive_count in range(2, 8):
        assert begin(engine, "m", receive_count) is Standing.CLEAR
        starts.end(engine, Q, ["m"])


def test_a_third_start_without_an_end_makes_a_suspect_of_that_message_alone(
    engine: Engine,
) -> None:
    for receive_count in (2, 3):
        found = starts.begin(engine, Q, [Start("m", receive_count), Start("n", receive_count)])
        assert found == {"m": Standing.CLEAR, "n": Standing.CLEAR}
        starts.end(engine, Q, ["n"])
    found = starts.begin(engine, Q, [Start("m", 4), Start("n", 4)])
    assert found == {"m": Standing.SUSPECT, "n": Standing.CLEAR}


def test_who_is_condemned_stays_so_whatever_ends_until_it_is_redriven(engine: Engine) -> None:
    begin(engine, "m", 2)
    begin(engine, "m", 3)
    starts.condemn(engine, Q, "m", None)
    starts.end(engine, Q, ["m"])
    assert begin(engine, "m", 4) is Standing.CONDEMNED
    # Sent back from the dead-letter queue, SQS counts its receives anew.
    assert begin(engine, "m", 2) is Standing.CLEAR


def test_a_message_of_lost_claims_is_tried_apart_at_its_next_start(engine: Engine) -> None:
    starts.suspect(engine, Q, Start("m", 1), lost_claims=3)
    assert begin(engine, "m", 2) is Standing.SUSPECT
    assert starts.begin_trial(engine, Q, "m") == 1


def test_deaths_in_trials_that_took_the_judge_along_are_counted_too(engine: Engine) -> None:
    starts.suspect(engine, Q, Start("m", 1), lost_claims=7)
    begin(engine, "m", 2)
    assert starts.begin_trial(engine, Q, "m") == 5


def test_one_message_shown_twice_in_an_answer_starts_once(engine: Engine) -> None:
    assert starts.begin(engine, Q, [Start("m", 2), Start("m", 3)]) == {"m": Standing.CLEAR}


def test_condemning_forgets_lost_claims_so_that_a_redriven_message_starts_anew(
    engine: Engine,
) -> None:
    message_id = uuid4()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_messages (id, stream, state, lost_claims)"
                " VALUES (:id, 's', 'sending', 2)"
            ),
            {"id": message_id},
        )
    starts.condemn(engine, Q, "m", message_id)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT lost_claims FROM email_messages")) == 0


def test_what_is_older_than_any_message_is_forgotten(engine: Engine) -> None:
    begin(engine, "old", 2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE message_starts SET started_at = now() - interval '16 d'"))
    begin(engine, "new", 2)
    starts.forget(engine)
    with engine.begin() as connection:
        left = connection.scalars(text("SELECT sqs_message_id FROM message_starts")).all()
    assert left == ["new"]
