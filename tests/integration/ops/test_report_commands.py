"""Reports agree with the rows, whatever was delivered twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.claims import Claimed
from db.event_types import Bounce
from db.events import apply
from db.ledger import Held, Why, park, record_failed, record_unknown
from db.states import EventKind, RecipientState
from db.suppressions import Suppression, add
from ops.exits import ExitCode
from said import (
    DAY,
    NOW,
    a_claim,
    a_complaint,
    a_delivery,
    a_hard_bounce,
    a_sent_message,
    a_soft_bounce,
    an_event,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    from db.event_types import Event

    Run = Callable[..., Result]

WHY = Why("MessageRejected", "no")

pytestmark = pytest.mark.usefixtures("ledger")


def address(name: str) -> str:
    return f"{name}@example.com"


def held(ledger: Engine, name: str, stream: str = "marketing") -> Held:
    message_id = uuid4()
    won = a_claim(ledger, [address(name)], stream=stream, message_id=message_id)
    assert isinstance(won, Claimed)
    return Held(message_id, won.attempt)


def sent(ledger: Engine, name: str, stream: str = "marketing") -> UUID:
    return a_sent_message(ledger, address(name), stream=stream)


@pytest.fixture
def a_day(ledger: Engine) -> list[Event]:
    """Mail of every fate, and all its events, each delivered three times."""
    add(ledger, [Suppression(address("suppressed"), "bounce", "event")])
    a_claim(ledger, [address("suppressed")])
    record_failed(ledger, held(ledger, "failed"), WHY)
    park(ledger, held(ledger, "parked"), WHY, payload={}, after_seconds=60, uses_attempt=True)
    record_unknown(ledger, held(ledger, "unknown"), WHY, payload={}, grace_seconds=60)
    sent(ledger, "awaited")
    twice = sent(ledger, "twice")
    events = [
        *(a_delivery(sent(ledger, f"d{n}"), address(f"d{n}")) for n in range(3)),
        a_delivery(sent(ledger, "reset", "transactional"), address("reset")),
        a_hard_bounce(sent(ledger, "hard"), address("hard")),
        a_soft_bounce(sent(ledger, "soft"), address("soft")),
        a_soft_bounce(twice, address("twice")),
        a_hard_bounce(twice, address("twice")),
        *_a_complaint_after_a_delivery(sent(ledger, "angry")),
        a_hard_bounce(uuid4(), address("stray")),
    ]
    for _ in range(3):
        apply(ledger, events)
        apply(ledger, list(reversed(events)))
    return events


def _a_complaint_after_a_delivery(message_id: UUID) -> list[Event]:
    return [
        a_delivery(message_id, address("angry")),
        a_complaint(message_id, address("angry")),
    ]


def report(run: Run, *arguments: object) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def of_stream(run: Run, stream: str) -> dict[str, Any]:
    (line,) = (each for each in report(run, "summary")["days"] if each["stream"] == stream)
    return line


def rows(ledger: Engine, sql: str) -> int:
    with ledger.connect() as connection:
        return connection.scalar(text(sql)) or 0


@pytest.mark.usefixtures("a_day")
def test_a_summary_has_each_recipient_once_in_what_became_of_it(run: Run) -> None:
    line = of_stream(run, "marketing")
    expected = {
        "recipients": 12,
        "sent": 8,
        "delivered": 4,
        "complaints": 1,
        "permanent_bounces": 2,
        "transient_bounces": 1,
        "undetermined_bounces": 0,
        "bounces": 3,
        "awaited": 1,
        "suppressed": 1,
        "failed": 1,
        "parked": 1,
        "unknown": 1,
    }
    assert {name: line[name] for name in expected} == expected


@pytest.mark.usefixtures("a_day")
def test_rates_are_parts_of_what_ses_took(run: Run) -> None:
    line = of_stream(run, "marketing")
    rates = ("delivered_rate", "bounce_rate", "complaint_rate")
    assert [line[each] for each in rates] == [4 / 8, 2 / 8, 1 / 8]


@pytest.mark.usefixtures("a_day")
def test_the_reports_agree_with_the_rows_though_every_event_came_six_times(
    run: Run, ledger: Engine
) -> None:
    total = report(run, "summary")["total"]
    assert total["recipients"] == rows(ledger, "SELECT count(*) FROM email_recipients")
    bounced = "SELECT count(*) FROM email_recipients WHERE state = 'bounced'"
    assert total["bounces"] == rows(ledger, bounced)
    bounces, complaints = report(run, "bounces"), report(run, "complaints")
    assert len(bounces) == rows(ledger, "SELECT count(*) FROM email_bounces") == 5
    assert len(complaints) == rows(ledger, "SELECT count(*) FROM email_complaints") == 1
    assert len({(each["feedback_id"], each["address"]) for each in bounces}) == 5


@pytest.mark.usefixtures("a_day")
def test_a_bounce_of_mail_that_is_not_in_the_ledger_is_told_apart(run: Run) -> None:
    (stray,) = report(run, "summary")["not_in_ledger"]
    assert (stray["permanent_bounces"], stray["complaints"]) == (1, 0)
    assert "not in the ledger" in run("summary").stdout
    assert report(run, "summary", "--stream", "marketing")["not_in_ledger"] == []


@pytest.mark.usefixtures("a_day")
def test_people_get_a_table_with_a_line_for_each_stream_and_one_for_all(run: Run) -> None:
    lines = [line.split() for line in run("summary").stdout.splitlines()]
    assert lines[0][:6] == ["DAY", "STREAM", "SENT", "DELIVERED", "PERMANENT", "TRANSIENT"]
    assert [line[1] for line in lines[1:3]] == ["marketing", "transactional"]
    assert lines[3][:4] == ["in", "all", "9", "5"]


@pytest.mark.usefixtures("a_day")
def test_every_report_can_be_narrowed_to_a_stream(run: Run) -> None:
    narrowed = report(run, "summary", "--stream", "transactional")
    assert [each["stream"] for each in narrowed["days"]] == ["transactional"]
    assert narrowed["total"]["sent"] == 1
    assert len(report(run, "bounces", "--stream", "marketing")) == 4
    assert report(run, "bounces", "--stream", "transactional") == []
    assert report(run, "complaints", "--stream", "transactional") == []


def test_mail_counts_on_the_day_when_a_worker_first_took_it(run: Run, ledger: Engine) -> None:
    old, new = sent(ledger, "old"), sent(ledger, "new")
    with ledger.begin() as connection:
        connection.execute(
            text("UPDATE email_messages SET created_at = now() - interval '3 days' WHERE id = :id"),
            {"id": old},
        )
    apply(ledger, [a_delivery(each, address(name)) for name, each in (("old", old), ("new", new))])
    assert report(run, "summary", "--days", 1)["total"]["delivered"] == 1
    found = report(run, "summary", "--days", 4)
    assert [each["delivered"] for each in found["days"]] == [1, 1]
    assert found["days"][0]["day"] > found["days"][1]["day"]


def test_older_bounces_and_complaints_are_left_out(run: Run, ledger: Engine) -> None:
    apply(ledger, [a_hard_bounce(sent(ledger, "old"), address("old"), at=NOW - 30 * DAY)])
    apply(ledger, [a_complaint(sent(ledger, "angry"), address("angry"), at=NOW - 30 * DAY)])
    assert (report(run, "bounces"), report(run, "complaints")) == ([], [])
    assert len(report(run, "bounces", "--days", 40)) == 1
    assert len(report(run, "complaints", "--days", 40)) == 1


def test_bounces_are_told_newest_first_with_what_the_server_said(run: Run, ledger: Engine) -> None:
    details = {"status": "5.1.1", "diagnostic_code": "smtp; 550 gone", "reporting_mta": "mx.test"}
    for n in range(3):
        message_id, at = sent(ledger, f"a{n}"), NOW - n * DAY
        bounce = Bounce(address(f"a{n}"), "Permanent", "General", f"f{n}", at, **details)
        proven = {address(f"a{n}"): RecipientState.BOUNCED}
        apply(
            ledger,
            [an_event(EventKind.BOUNCE, message_id, at, bounces=[bounce], recipients=proven)],
        )
    assert [each["address"] for each in report(run, "bounces")] == [
        address(f"a{n}") for n in range(3)
    ]
    shown = " ".join(run("bounces").stdout.split())
    assert "marketing Permanent/General 5.1.1 smtp; 550 gone mx.test" in shown


def test_a_long_list_is_cut_and_says_so(run: Run, ledger: Engine) -> None:
    apply(ledger, [a_hard_bounce(sent(ledger, f"a{n}"), address(f"a{n}")) for n in range(3)])
    result = run("bounces", "--limit", 2)
    assert "more than 2" in result.stderr
    assert result.stdout.count("Permanent/General") == 2
    assert len(report(run, "bounces", "--limit", 0)) == 3


def test_where_there_was_no_mail_there_are_no_rates(run: Run) -> None:
    result = run("summary")
    assert result.exit_code == ExitCode.DONE
    total = report(run, "summary")["total"]
    assert (total["sent"], total["bounce_rate"]) == (0, None)


@pytest.mark.parametrize("command", ["bounces", "complaints", "summary"])
@pytest.mark.parametrize(
    "options", [("--days", "0"), ("--stream", "newsletter")], ids=["no days", "no such stream"]
)
def test_what_cannot_be_reported_is_wrong_usage(
    run: Run, command: str, options: tuple[str, str]
) -> None:
    assert run(command, *options).exit_code == ExitCode.WRONG
