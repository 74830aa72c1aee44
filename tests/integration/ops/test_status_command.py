"""Whoever asks what became of a message gets its whole life."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from rich.console import Console
from sqlalchemy import event

from db import events
from db.claims import Candidate, Claimed, claim
from db.event_types import Event
from db.ledger import Held, Why, park, record_sent
from db.messages import status
from db.states import EventKind, RecipientState
from ops.commands import status as command
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

ADA = "ada@example.com"
BOB = "bob@example.com"
REASON = "454 Throttling: try later"


@pytest.fixture
def held(ledger: Engine) -> Held:
    """A message to Ada and Bob that a worker has in its hands."""
    candidate = Candidate(id=uuid4(), stream="transactional", recipients=[ADA, BOB], payload={})
    won = claim(ledger, candidate, lease_seconds=60, grace_seconds=300)
    assert isinstance(won, Claimed)
    return Held(candidate.id, won.attempt)


def deliver(ledger: Engine, message_id: UUID, *addresses: str) -> None:
    delivery = Event(
        identity=f"delivery-{addresses}",
        kind=EventKind.DELIVERY,
        occurred_at=datetime.now(UTC),
        raw={},
        message_id=message_id,
        ses_message_id="ses-1",
        recipients=dict.fromkeys(addresses, RecipientState.DELIVERED),
    )
    events.apply(ledger, [delivery])


def test_the_whole_life_is_told(run: Run, ledger: Engine, held: Held) -> None:
    record_sent(ledger, held, ses_message_id="ses-1")
    deliver(ledger, held.message_id, ADA)
    result = run("status", held.message_id)
    assert result.exit_code == ExitCode.DONE
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "state delivered: the recipient's mail server took it" in lines
    assert f"{ADA} delivered" in lines
    assert f"{BOB} sent" in lines
    happened = [line.split(" UTC ")[1] for line in lines if " UTC " in line]
    assert happened == ["first taken by a worker", "accepted by SES", "event: delivery"]


def test_a_parked_message_tells_why_and_until_when(run: Run, ledger: Engine, held: Held) -> None:
    why = Why("Throttling", REASON)
    park(ledger, held, why, payload={}, after_seconds=60, uses_attempt=True)
    result = run("status", held.message_id)
    assert REASON in result.stdout
    assert "\ndue " in result.stdout


def test_programs_get_json(run: Run, ledger: Engine, held: Held) -> None:
    record_sent(ledger, held, ses_message_id="ses-1")
    found = json.loads(run("status", held.message_id, "--json").stdout)
    assert found["id"] == str(held.message_id)
    assert found["recipients"] == {ADA: "sent", BOB: "sent"}
    assert found["ses_message_id"] == "ses-1"
    assert found["due_at"] is None


def test_the_picture_is_of_one_moment(ledger: Engine, held: Held) -> None:
    def meanwhile(*_: object) -> None:
        record_sent(ledger, held, ses_message_id="ses-1")
        deliver(ledger, held.message_id, ADA, BOB)

    event.listen(ledger, "after_cursor_execute", meanwhile, once=True)
    found = status(ledger, held.message_id)
    assert found is not None
    assert (found.state, set(found.recipients.values()), found.events) == (
        "sending",
        {"pending"},
        [],
    )


@pytest.mark.usefixtures("ledger")
def test_a_message_that_nobody_has_seen_ends_with_1_and_a_hint(run: Run) -> None:
    result = run("status", uuid4())
    assert result.exit_code == ExitCode.NO
    assert "still lies on its queue" in result.stderr
    assert "never enqueued" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("ledger")
def test_what_is_no_id_is_wrong_usage(run: Run) -> None:
    assert run("status", "hello").exit_code == ExitCode.WRONG


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Is released each time the watching command has looked and is about to wait."""
    looks = threading.Semaphore(0)
    pause = threading.Event()

    def wait(_seconds: float) -> None:
        looks.release()
        pause.wait(0.01)

    monkeypatch.setattr(command.time, "sleep", wait)
    return looks


def watch(run: Run, *arguments: object) -> tuple[threading.Thread, list[Result]]:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(run("status", *arguments, "--watch")))
    thread.start()
    return thread, results


@pytest.mark.parametrize("as_json", [False, True])
def test_watching_ends_with_the_last_recipient(
    run: Run, ledger: Engine, held: Held, looked: threading.Semaphore, *, as_json: bool
) -> None:
    thread, results = watch(run, held.message_id, *(["--json"] if as_json else []))
    assert looked.acquire(timeout=10)
    record_sent(ledger, held, ses_message_id="ses-1")
    deliver(ledger, held.message_id, ADA)
    assert looked.acquire(timeout=10)
    assert not results
    deliver(ledger, held.message_id, BOB)
    thread.join(10)
    (result,) = results
    assert result.exit_code == ExitCode.DONE
    assert result.stderr.startswith("sending\n")
    if as_json:
        assert json.loads(result.stdout)["recipients"] == {ADA: "delivered", BOB: "delivered"}
    else:
        assert BOB in result.stdout


def test_on_a_terminal_the_picture_changes_in_place(
    run: Run,
    ledger: Engine,
    held: Held,
    looked: threading.Semaphore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(command, "console", lambda: terminal)
    thread, results = watch(run, held.message_id)
    assert looked.acquire(timeout=10)
    record_sent(ledger, held, ses_message_id="ses-1")
    deliver(ledger, held.message_id, ADA, BOB)
    thread.join(10)
    assert results[0].exit_code == ExitCode.DONE
    shown = terminal.export_text()
    assert "sending: is in a worker's hands" in shown
    assert "delivered: the recipient's mail server took it" in shown
