"""Whoever is asked what became of a message can tell its whole life, and what nobody knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from config.tags import MESSAGE_ID_TAG
from consumers.parsing import read
from db.claims import Candidate, Claimed, claim
from db.event_types import Event
from db.events import apply
from db.ledger import Held, Why, park, record_sent, record_unknown
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

ADA = "ada@example.com"
BOB = "bob@example.com"
SES_ID = "0102018f3c2a9d21-5b1c7c52-9f0d-4a7e-8d3c-2f1f6f1c7a11-000000"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime.now(UTC)
THROTTLED = Why("Throttling", "454 Throttling: try later")


def taken(ledger: Engine, *to: str, message_id: UUID | None = None, **about: Any) -> Held:
    """A message that a worker has in its hands."""
    terms = {"stream": "marketing", "payload": {}, **about}
    candidate = Candidate(id=message_id or uuid4(), recipients=to or (ADA,), **terms)
    won = claim(ledger, candidate, lease_seconds=60, grace_seconds=300)
    assert isinstance(won, Claimed)
    return Held(candidate.id, won.attempt)


def published(name: str, message_id: UUID, **details: Any) -> Event:
    """An event as SES publishes it, about this message."""
    body = json.loads((FIXTURES / f"{name}.json").read_text())
    body["mail"]["tags"][MESSAGE_ID_TAG] = [str(message_id)]
    body["mail"]["messageId"] = SES_ID
    body["mail"]["destination"] = [ADA]
    for key, values in details.items():
        body[key].update(values)
    event = read(json.dumps(body), received_at=NOW)
    assert isinstance(event, Event)
    return event


@pytest.fixture
def bounced(ledger: Engine) -> UUID:
    """A message that SES took, that was late, bounced, and came to Bob."""
    held = taken(ledger, ADA, BOB, enqueued_at=NOW - timedelta(minutes=1))
    record_sent(ledger, held, ses_message_id=SES_ID)
    told = [
        published(name, held.message_id) for name in ("send", "delivery_delay", "bounce_permanent")
    ]
    for _ in range(2):
        apply(ledger, told)
    return held.message_id


def timeline(run: Run, message_id: UUID) -> list[dict[str, str]]:
    steps: list[dict[str, str]] = json.loads(run("message", message_id, "--json").stdout)[
        "timeline"
    ]
    return steps


def words(result: Result) -> str:
    return " ".join(result.stdout.split())


def test_every_step_of_a_message_is_told_once_though_events_came_twice(
    run: Run, bounced: UUID
) -> None:
    happened = [step["what"] for step in timeline(run, bounced)]
    assert sorted(happened) == sorted(
        [
            "enqueued",
            "first taken by a worker",
            "accepted by SES",
            "event: send",
            "event: delivery_delay",
            "bounce: Permanent/General",
            "put on the suppression list",
        ]
    )


def test_a_bounce_is_told_with_its_recipient_status_diagnostic_and_server(
    run: Run, bounced: UUID
) -> None:
    (step,) = [each for each in timeline(run, bounced) if each["what"].startswith("bounce")]
    assert step["address"] == ADA
    assert step["details"].startswith("5.1.1, smtp; 550")
    assert "amazonses.com" in step["details"]


def test_people_are_told_the_final_state_of_each_recipient(run: Run, bounced: UUID) -> None:
    result = run("message", bounced)
    assert result.exit_code == ExitCode.DONE
    told = words(result)
    assert "state bounced: came back" in told
    assert f"{ADA} bounced" in told
    assert f"{BOB} sent" in told
    assert SES_ID in told


def test_what_ses_said_of_a_delivery_is_told(run: Run, ledger: Engine) -> None:
    held = taken(ledger)
    record_sent(ledger, held, ses_message_id=SES_ID)
    apply(ledger, [published("delivery", held.message_id)])
    (step,) = [each for each in timeline(run, held.message_id) if "delivery" in each["what"]]
    assert (step["address"], step["details"].split()[0]) == (ADA, "250")


def test_a_complaint_says_what_kind_and_who_told(run: Run, ledger: Engine) -> None:
    held = taken(ledger)
    record_sent(ledger, held, ses_message_id=SES_ID)
    apply(ledger, [published("complaint", held.message_id)])
    (step,) = [each for each in timeline(run, held.message_id) if "complaint" in each["what"]]
    assert (step["what"], step["address"]) == ("complaint: abuse", ADA)
    assert step["details"] == "Example Feedback Loop (V1.0)"


def test_a_parked_message_tells_why_until_when_and_how_often_it_was_tried(
    run: Run, ledger: Engine
) -> None:
    held = taken(ledger)
    park(ledger, held, THROTTLED, payload={}, after_seconds=60, uses_attempt=True)
    told = words(run("message", held.message_id))
    assert "454 Throttling: try later" in told
    assert "parked until 20" in told
    assert "1 (1 failed for the message's own sake)" in told


def test_earlier_claims_are_named_as_what_the_ledger_does_not_remember(
    run: Run, ledger: Engine
) -> None:
    held = taken(ledger)
    park(ledger, held, THROTTLED, payload={}, after_seconds=0, uses_attempt=True)
    with ledger.begin() as connection:
        connection.execute(text("UPDATE email_messages SET state = 'queued', payload = NULL"))
    taken(ledger, message_id=held.message_id)
    told = words(run("message", held.message_id))
    assert "How and when its claims before the last ended (there were 2 in all)" in told


def test_an_unknown_outcome_is_called_unknown(run: Run, ledger: Engine) -> None:
    held = taken(ledger)
    lost = Why("ReadTimeoutError", "no answer")
    record_unknown(ledger, held, lost, payload={}, grace_seconds=300)
    told = words(run("message", held.message_id))
    assert "Whether SES took it: its answer was lost." in told
    assert "unknown until 20" in told


@pytest.mark.parametrize(
    ("provable", "sentence"),
    [(True, "no event of SES about it has come yet"), (False, "SES publishes no events about it")],
)
def test_silence_of_ses_is_explained(
    run: Run, ledger: Engine, *, provable: bool, sentence: str
) -> None:
    held = taken(ledger, provable=provable)
    record_sent(ledger, held, ses_message_id=SES_ID)
    assert sentence in words(run("message", held.message_id))


def test_a_bounce_is_still_told_when_its_event_is_kept_no_longer(
    run: Run, ledger: Engine, bounced: UUID
) -> None:
    with ledger.begin() as connection:
        connection.execute(text("DELETE FROM email_events"))
    happened = [step["what"] for step in timeline(run, bounced)]
    assert "bounce: Permanent/General" in happened
    assert "The events that told so: they are kept no longer." in words(run("message", bounced))


def test_of_a_message_that_the_ledger_keeps_no_longer_the_events_still_tell(
    run: Run, ledger: Engine, bounced: UUID
) -> None:
    with ledger.begin() as connection:
        connection.execute(text("DELETE FROM email_messages"))
    result = run("message", bounced)
    assert result.exit_code == ExitCode.DONE
    assert "bounce: Permanent/General" in words(result)
    assert "the ledger keeps it no longer" in words(result)


@pytest.mark.usefixtures("ledger")
def test_a_message_that_nobody_knows_ends_with_1_and_says_where_it_may_be(run: Run) -> None:
    result = run("message", uuid4())
    assert result.exit_code == ExitCode.NO
    assert "still lies on its queue" in result.stderr
    assert "keeps it no longer" in result.stderr
    assert result.stdout == ""
