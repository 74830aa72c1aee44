"""Events that were not usable can be seen, replayed and discarded; they stay a doubt till then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import refused, unknowns, watermarks
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, Why, record_unknown
from db.messages import status
from ops.exits import ExitCode
from sandbox.lives import make_lives, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    from sandbox.lives import Life

    Run = Callable[..., Result]

QUEUE = "mailsluice-events"
WHY = Why("ReadTimeoutError", "The request left, but no answer came back.")


def refuse(engine: Engine, body: str) -> int:
    """A message that was refused; answers its id in the quarantine."""
    sqs_id = str(uuid4())
    refused.keep(engine, queue=QUEUE, sqs_message_id=sqs_id, reason="Not JSON.", body=body)
    with engine.begin() as connection:
        found = connection.execute(
            text("SELECT id FROM refused_messages WHERE sqs_message_id = :id"), {"id": sqs_id}
        )
        return int(found.scalar_one())


@pytest.fixture
def life(ledger: Engine) -> Life:
    """A message that bounced."""
    [found] = [each for each in make_lives(7) if each.state == "bounced"]
    record(ledger, [found])
    return found


def in_quarantine(run: Run) -> list[int]:
    return [each["id"] for each in json.loads(run("events", "quarantine", "list", "--json").stdout)]


def test_a_list_tells_the_reasons_and_only_show_the_body(run: Run, ledger: Engine) -> None:
    kept = refuse(ledger, "ada@example.com")
    listed = run("events", "quarantine", "list").stdout
    assert str(kept) in listed
    assert "Not JSON." in listed
    assert "ada@example.com" not in listed + run("events", "quarantine", "list", "--json").stdout
    assert "ada@example.com" in run("events", "quarantine", "show", kept).stdout
    assert run("events", "quarantine", "show", kept + 1).exit_code == ExitCode.NO


@pytest.mark.usefixtures("provisioned")
def test_what_can_be_read_now_is_applied_and_leaves_the_quarantine(
    run: Run, ledger: Engine, life: Life
) -> None:
    kept = [refuse(ledger, body) for body in life.bodies()]
    illegible = refuse(ledger, "no JSON at all")
    result = run("events", "quarantine", "replay", "--all", "--yes")
    assert result.exit_code == ExitCode.NO
    assert result.stdout == f"{len(kept)} messages applied; {len(kept)} events were new.\n"
    assert f"{illegible} stays in quarantine" in result.stderr
    assert in_quarantine(run) == [illegible]
    found = status(ledger, life.message_id)
    assert found is not None
    assert found.state == "bounced"


@pytest.mark.usefixtures("provisioned")
def test_an_event_that_was_applied_meanwhile_is_not_counted_again(
    run: Run, ledger: Engine, life: Life
) -> None:
    bodies = list(life.bodies())
    for body in bodies:
        refuse(ledger, body)
    run("events", "quarantine", "replay", "--all", "--yes")
    again = [refuse(ledger, body) for body in bodies]
    result = run("events", "quarantine", "replay", *again)
    assert result.stdout == f"{len(bodies)} messages applied; 0 events were new.\n"
    with ledger.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM email_bounces")) == 1


def lose_an_answer(engine: Engine) -> None:
    """A message whose outcome is unknown, and a queue that has been silent since."""
    each = Candidate(uuid4(), "marketing", ["ada@example.com"], payload={}, provable=True)
    won = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    record_unknown(engine, Held(each.id, won.attempt), WHY, payload={}, grace_seconds=0)


def test_a_discarded_message_stays_a_doubt(run: Run, ledger: Engine) -> None:
    lose_an_answer(ledger)
    kept = refuse(ledger, "ada@example.com")
    assert run("events", "quarantine", "discard", kept).stdout == "1 message discarded.\n"
    assert in_quarantine(run) == []
    assert run("events", "quarantine", "show", kept).exit_code == ExitCode.NO
    with ledger.begin() as connection:
        assert connection.scalar(text("SELECT body FROM refused_messages")) == ""
    watermarks.advance(ledger, QUEUE, watermarks.moment(ledger))
    assert unknowns.resend_proven(ledger, events_queues=[QUEUE]) == []
    assert len(unknowns.hold_doubtful(ledger, events_queues=[QUEUE])) == 1


@pytest.mark.usefixtures("provisioned")
def test_what_was_taken_for_forged_and_is_only_unreadable_becomes_a_doubt(
    run: Run, ledger: Engine
) -> None:
    """The settings by which it was forged were mended, and it was replayed."""
    lose_an_answer(ledger)
    refuse(ledger, "ada@example.com")
    with ledger.begin() as connection:
        connection.execute(text("UPDATE refused_messages SET may_be_ours = false"))
    run("events", "quarantine", "replay", "--all", "--yes")
    watermarks.advance(ledger, QUEUE, watermarks.moment(ledger))
    assert unknowns.resend_proven(ledger, events_queues=[QUEUE]) == []


@pytest.mark.usefixtures("provisioned")
def test_a_message_that_was_applied_is_no_doubt_any_more(
    run: Run, ledger: Engine, life: Life
) -> None:
    lose_an_answer(ledger)
    refuse(ledger, next(life.bodies()))
    run("events", "quarantine", "replay", "--all", "--yes")
    watermarks.advance(ledger, QUEUE, watermarks.moment(ledger))
    assert len(unknowns.resend_proven(ledger, events_queues=[QUEUE])) == 1


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_what_is_not_there_is_said(run: Run, ledger: Engine, command: str) -> None:
    result = run("events", "quarantine", command, 4711)
    assert result.exit_code == ExitCode.NO
    assert "4711 is not in quarantine." in result.stderr
    assert run("events", "quarantine", command).exit_code == ExitCode.WRONG
