"""Whoever asks why an address gets mail or none is told all that is known, and what follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from config.suppression import SoftBounces, SuppressionPolicy
from db.claims import Claimed
from db.events import apply
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
    an_unsubscribe,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

ADA = "ada@example.com"
POLICY = SuppressionPolicy(
    soft_bounces=SoftBounces(limit=3, window=14 * DAY, lasts=(DAY, 7 * DAY, 30 * DAY))
)
STREAMS = ("transactional", "notifications", "marketing")

pytestmark = pytest.mark.usefixtures("ledger")


def told(run: Run, *options: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("why", ADA, *options, "--json").stdout)
    return found


def words(result: Result) -> str:
    return " ".join(result.stdout.split())


def stopped(run: Run) -> set[str]:
    return {each["stream"] for each in told(run)["streams"] if each["stopped"]}


def test_an_address_of_which_nobody_has_heard_ends_with_1(run: Run) -> None:
    result = run("why", ADA)
    assert result.exit_code == ExitCode.NO
    assert f"Nobody has heard of {ADA}" in result.stderr


def test_who_only_got_mail_is_not_suppressed_and_what_it_got_is_told(
    run: Run, ledger: Engine
) -> None:
    message_id = a_sent_message(ledger, ADA)
    apply(ledger, [a_delivery(message_id, ADA)], POLICY)
    result = run("why", " Ada@Example.COM ")
    assert result.exit_code == ExitCode.DONE
    assert f"{ADA} is not suppressed." in result.stdout
    assert "Messages (1 delivered), the latest:" in result.stdout
    assert str(message_id) in result.stdout


def test_a_bounce_that_suppresses_is_told_with_the_event_that_was_the_evidence(
    run: Run, ledger: Engine
) -> None:
    message_id = a_sent_message(ledger, ADA)
    apply(ledger, [a_hard_bounce(message_id, ADA)], POLICY)
    shown = words(run("why", ADA))
    assert f"{ADA} is suppressed in every stream." in shown
    assert "marketing stopped bounce (everywhere)" in shown
    assert f"hard:{message_id}" in shown
    assert "Permanent/General 5.1.1" in shown


def test_who_put_it_on_the_list_is_told(run: Run) -> None:
    run("suppressions", "add", ADA, "--by", "Grace", "--note", "asked by phone")
    shown = words(run("why", ADA))
    assert "manual" in shown
    assert "Grace" in shown
    assert "asked by phone" in shown


def test_an_unsubscribe_stops_one_stream_and_the_others_are_named_as_sent(
    run: Run, ledger: Engine
) -> None:
    apply(ledger, [an_unsubscribe(a_sent_message(ledger, ADA), ADA)], POLICY)
    assert stopped(run) == {"marketing"}
    assert f"{ADA} is suppressed in marketing." in run("why", ADA).stdout


def test_an_entry_that_has_expired_stops_nothing(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "manual", "operator", expires_at=NOW - DAY)])
    assert stopped(run) == set()
    assert "(expired)" in run("why", ADA).stdout


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [Suppression(ADA, "bounce", "event")],
        [Suppression(ADA, "unsubscribe", "event", "marketing")],
        [Suppression(ADA, "soft_bounce", "event", expires_at=NOW - DAY)],
        [Suppression(ADA, "soft_bounce", "event", expires_at=NOW + DAY)],
    ],
)
def test_it_says_of_every_stream_what_a_claim_then_does(
    run: Run, ledger: Engine, entries: list[Suppression]
) -> None:
    add(ledger, entries)
    a_claim(ledger, [ADA], stream="transactional")
    said = stopped(run)
    claims = {stream: a_claim(ledger, [ADA], stream=stream) for stream in STREAMS}
    assert said == {stream for stream, won in claims.items() if not isinstance(won, Claimed)}


def test_every_change_of_its_entries_is_told(run: Run, ledger: Engine) -> None:
    apply(ledger, [a_complaint(a_sent_message(ledger, ADA), ADA)], POLICY)
    run("suppressions", "remove", ADA, "--by", "Grace")
    assert [each["action"] for each in told(run)["changes"]] == ["added", "removed"]
    assert f"{ADA} is not suppressed." in run("why", ADA).stdout


def soft_bounces(ledger: Engine, *days_ago: float) -> None:
    bounces = [
        a_soft_bounce(a_sent_message(ledger, ADA), ADA, at=NOW - each * DAY) for each in days_ago
    ]
    for _ in range(2):
        apply(ledger, bounces, POLICY)


def test_soft_bounces_are_counted_as_far_as_they_count(run: Run, ledger: Engine) -> None:
    soft_bounces(ledger, 20, 3, 1)
    ladder = told(run)["soft_bounces"]
    assert (ladder["counting"], ladder["limit"], ladder["suppressions"]) == (2, 3, 0)
    sentence = "Soft bounces: 2 of 3 within 14 days. The next time they suppress it for 1 day."
    assert sentence in words(run("why", ADA))


def test_who_was_suppressed_for_soft_bounces_stands_higher_on_the_ladder(
    run: Run, ledger: Engine
) -> None:
    soft_bounces(ledger, 9, 8, 7, 2)
    ladder = told(run)["soft_bounces"]
    assert (ladder["counting"], ladder["suppressions"]) == (1, 1)
    assert ladder["next_lasts_seconds"] == 7 * 86_400
    assert "Since its last delivery they did so once" in words(run("why", ADA))


def test_only_the_latest_messages_are_named_and_all_are_counted(run: Run, ledger: Engine) -> None:
    for _ in range(3):
        a_sent_message(ledger, ADA)
    found = told(run, "--limit", 2)
    assert (len(found["messages"]), found["counts"]) == (2, {"sent": 3})


def test_what_is_no_address_is_wrong_usage(run: Run) -> None:
    assert run("why", str(uuid4())).exit_code == ExitCode.WRONG
