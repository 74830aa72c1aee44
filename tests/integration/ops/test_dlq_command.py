"""Dead letters can be seen and discarded, and nothing goes without a record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import refused
from mailsluice import Message, envelope
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    from sandbox.aws.control import Control

    Run = Callable[..., Result]
    Die = Callable[..., list[str]]

QUEUE = "mailsluice-marketing"
DLQ = f"{QUEUE}-dlq"

pytestmark = pytest.mark.usefixtures("ledger")


def bodies(control: Control, queue: str) -> list[str]:
    return sorted(each["body"] for each in control.queue(queue)["messages"])


def counts(control: Control, queue: str = DLQ) -> tuple[int, int]:
    found = control.queue(queue)
    return found["visible"], found["in_flight"]


def records(engine: Engine) -> list[tuple[str, str, str, str]]:
    statement = text("SELECT queue, sqs_message_id, reason, body FROM refused_messages ORDER BY id")
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def test_every_dead_letter_queue_is_listed(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one", "two")
    die("mailsluice-events", "three")
    found = {
        each["queue"]["name"]: each for each in json.loads(run("dlq", "list", "--json").stdout)
    }
    assert list(found) == [
        f"mailsluice-{name}-dlq"
        for name in ("transactional", "notifications", "marketing", "events")
    ]
    assert found[DLQ]["depth"]["visible"] == 2
    assert 0 <= found[DLQ]["oldest_age_seconds"] < 60
    assert found["mailsluice-events-dlq"]["queue"]["of"] == "events"
    assert found["mailsluice-transactional-dlq"]["oldest_sent_at"] is None
    assert counts(control) == (2, 0)


def test_the_list_is_a_table_for_people(die: Die, run: Run) -> None:
    die(QUEUE, "one")
    result = run("dlq", "list")
    assert result.exit_code == ExitCode.DONE
    assert "marketing" in result.stdout
    assert " UTC" in result.stdout


@pytest.mark.usefixtures("control")
def test_queues_that_are_missing_are_named(run: Run) -> None:
    result = run("dlq", "list")
    assert f"{DLQ} (missing)" in result.stdout
    assert "mailsluice provision" in result.stderr
    assert run("dlq", "show", "marketing").exit_code == ExitCode.WRONG


def test_a_dead_letter_is_shown_with_its_reason_and_left_where_it_is(
    control: Control, die: Die, ledger: Engine, run: Run
) -> None:
    message = Message(to="ada@example.com", subject="Secret", text="x", stream="marketing")
    broken, job = die(QUEUE, "no job", envelope(message, QUEUE))
    refused.keep(ledger, queue=QUEUE, sqs_message_id=broken, reason="not JSON", body="no job")
    result = run("dlq", "show", "marketing", "--json")
    found = {each["sqs_message_id"]: each for each in json.loads(result.stdout)["letters"]}
    assert (found[broken]["reason"], found[broken]["job_id"]) == ("not JSON", None)
    assert (found[job]["reason"], found[job]["job_id"]) == (None, str(message.id))
    assert found[job]["source_queue"] == QUEUE
    assert found[job]["receive_count"] >= 1
    assert found[job]["sent_at"].endswith("Z")
    assert counts(control) == (2, 0)
    table = run("dlq", "show", "marketing").stdout
    assert "not JSON" in table
    assert str(message.id) in table


def test_bodies_are_shown_only_when_asked_for(die: Die, run: Run) -> None:
    die(QUEUE, "a body\x9b")
    for options in ([], ["--json"]):
        assert "a body" not in run("dlq", "show", "marketing", *options).stdout
    assert "\na body\ufffd\n" in run("dlq", "show", "marketing", "--bodies").stdout
    found = json.loads(run("dlq", "show", "marketing", "--bodies", "--json").stdout)
    assert found["letters"][0]["body"] == "a body\x9b"


def test_as_many_are_shown_as_asked_for_each_once(control: Control, die: Die, run: Run) -> None:
    ids = die(QUEUE, *(f"letter {number}" for number in range(25)))

    def shown(limit: int) -> list[str]:
        answer = json.loads(run("dlq", "show", "marketing", "--limit", limit, "--json").stdout)
        return [each["sqs_message_id"] for each in answer["letters"]]

    assert sorted(shown(100)) == sorted(ids)
    assert len(set(shown(12))) == 12
    assert counts(control) == (25, 0)


def test_dead_letters_are_given_back_when_showing_them_fails(
    control: Control, die: Die, ledger: Engine, run: Run
) -> None:
    die(QUEUE, "one")
    with ledger.begin() as connection:
        connection.execute(text("DROP TABLE refused_messages"))
    assert run("dlq", "show", "marketing").exit_code == ExitCode.WRONG
    assert counts(control) == (1, 0)


def test_what_is_discarded_is_on_record_beside_why_it_was_refused(
    control: Control, die: Die, ledger: Engine, run: Run
) -> None:
    ids = die(QUEUE, "one", "two")
    refused.keep(ledger, queue=QUEUE, sqs_message_id=ids[1], reason="not JSON", body="two")
    result = run("dlq", "discard", "marketing", ids[1])
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == f"1 dead letter of {DLQ} written down and deleted.\n"
    assert bodies(control, DLQ) == ["one"]
    assert counts(control) == (1, 0)
    assert records(ledger) == [
        (QUEUE, ids[1], "not JSON", "two"),
        (DLQ, ids[1], "discarded by an operator", "two"),
    ]


def test_a_letter_is_found_however_many_lie_before_it(control: Control, die: Die, run: Run) -> None:
    ids = die(QUEUE, *(f"letter {number}" for number in range(25)))
    assert run("dlq", "discard", "marketing", ids[24], ids[0]).exit_code == ExitCode.DONE
    assert counts(control) == (23, 0)


def test_what_is_not_found_is_named_and_ends_with_1(control: Control, die: Die, run: Run) -> None:
    [known] = die(QUEUE, "one")
    unknown = str(uuid4())
    result = run("dlq", "discard", "marketing", unknown, known, "--json")
    assert result.exit_code == ExitCode.NO
    assert json.loads(result.stdout) == {
        "discarded": [known],
        "not_found": [unknown],
        "failed": {},
    }
    assert counts(control) == (0, 0)


def test_before_all_are_discarded_a_person_is_asked(
    control: Control, die: Die, ledger: Engine, run: Run
) -> None:
    ids = die(QUEUE, *(f"letter {number}" for number in range(12)))
    result = run("dlq", "discard", "marketing", "--all", stdin="n\n")
    assert result.exit_code == ExitCode.NO
    assert "about 12 dead letters?" in result.stderr
    assert counts(control) == (12, 0)
    done = run("dlq", "discard", "marketing", "--all", "--yes", "--json")
    assert sorted(json.loads(done.stdout)["discarded"]) == sorted(ids)
    assert counts(control) == (0, 0)
    assert {row[1] for row in records(ledger)} == set(ids)


def test_nothing_is_deleted_that_could_not_be_written_down(
    control: Control, die: Die, ledger: Engine, run: Run
) -> None:
    die(QUEUE, "one", "two")
    with ledger.begin() as connection:
        connection.execute(text("ALTER TABLE refused_messages ADD CHECK (body <> 'two')"))
    result = run("dlq", "discard", "marketing", "--all", "--yes")
    assert result.exit_code == ExitCode.WRONG
    assert "two" in bodies(control, DLQ)
    assert control.calls().get("sqs.DeleteMessageBatch") is None
    assert counts(control) == (2, 0)


def test_what_sqs_does_not_delete_stays_and_may_be_discarded_again(
    control: Control, die: Die, run: Run
) -> None:
    [letter] = die(QUEUE, "one")
    control.fault(
        "sqs", "DeleteMessageBatch", "status", status=403, code="AccessDenied", message="No."
    )
    assert run("dlq", "discard", "marketing", letter).exit_code == ExitCode.WRONG
    assert counts(control) == (1, 0)
    control.clear_faults()
    assert run("dlq", "discard", "marketing", letter).exit_code == ExitCode.DONE
    assert counts(control) == (0, 0)


@pytest.mark.usefixtures("die")
def test_ids_or_all_must_be_given(run: Run) -> None:
    assert run("dlq", "discard", "marketing", "--yes").exit_code == ExitCode.WRONG


def test_the_events_and_the_queues_own_name_will_do(die: Die, run: Run) -> None:
    [letter] = die("mailsluice-events", "one")
    for name in ("events", "mailsluice-events-dlq"):
        found = json.loads(run("dlq", "show", name, "--json").stdout)
        assert found["queue"] == "mailsluice-events-dlq"
        assert letter in [each["sqs_message_id"] for each in found["letters"]]
    result = run("dlq", "show", "marketign")
    assert result.exit_code == ExitCode.WRONG
    assert "There are: transactional, notifications, marketing, events." in result.stderr


def test_when_sqs_is_away_it_may_be_tried_again(control: Control, die: Die, run: Run) -> None:
    die(QUEUE, "one")
    control.fault("sqs", "*", "status", status=503, code="ServiceUnavailable", message="No.")
    assert run("dlq", "list").exit_code == ExitCode.UNREACHABLE


def test_reasons_are_the_first_that_were_written_down(ledger: Engine) -> None:
    def keep(queue: str, sqs_message_id: str, reason: str) -> None:
        refused.keep(ledger, queue=queue, sqs_message_id=sqs_message_id, reason=reason, body="body")

    keep(QUEUE, "a", "not JSON")
    keep(DLQ, "a", "discarded by an operator")
    keep(QUEUE, "b", "unknown version")
    keep(QUEUE, "c", "not asked for")
    assert refused.reasons(ledger, ["a", "b", "d"]) == {"a": "not JSON", "b": "unknown version"}
    assert refused.reasons(ledger, []) == {}
