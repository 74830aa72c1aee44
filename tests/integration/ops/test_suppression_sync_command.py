"""`mailsluice suppressions sync` and `drift`, against a simulator and a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from db import duties
from db.suppressions import Suppression, add, find, remove
from ops.exits import ExitCode
from worker.ses import spacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    from sandbox.aws.control import Control

ADA = "ada@example.com"
BOB = "bob@example.com"
LISTS = "ses.ListSuppressedDestinations"


@pytest.fixture
def ses(control: Control, client: Callable[[str], Any]) -> Any:
    return client("sesv2")


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spacing.Spacing, "wait", lambda _: True)


def put(ses: Any, *addresses: str) -> None:
    for address in addresses:
        ses.put_suppressed_destination(EmailAddress=address, Reason="BOUNCE")


def old_bounce(engine: Engine, address: str) -> None:
    add(engine, [Suppression(address=address, reason="bounce", source="event")])
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_suppressions SET created_at = now() - interval '1 day'")
        )


@pytest.mark.usefixtures("_quick")
def test_a_dry_run_tells_what_would_be_done_and_the_next_run_does_it(
    run: Callable[..., Result], ledger: Engine, ses: Any
) -> None:
    put(ses, ADA)
    old_bounce(ledger, BOB)
    looked = run("suppressions", "sync", "--dry-run", "--json")
    assert looked.exit_code == ExitCode.DONE
    told = json.loads(looked.stdout)
    assert (told["counts"]["to_take"], told["counts"]["to_put"]) == (1, 1)
    assert {(each["address"], each["kind"]) for each in told["addresses"]} == {
        (ADA, "to_take"),
        (BOB, "to_put"),
    }
    assert find(ledger, ADA) == []
    assert run("suppressions", "drift").exit_code == ExitCode.NO
    done = run("suppressions", "sync", "--json")
    assert {"taken": 1, "put": 1}.items() <= json.loads(done.stdout).items()
    assert len(find(ledger, ADA)) == 1
    assert run("suppressions", "drift").exit_code == ExitCode.DONE


@pytest.mark.usefixtures("_quick")
def test_a_dry_run_tells_what_operators_removed(
    run: Callable[..., Result], ledger: Engine, ses: Any
) -> None:
    put(ses, ADA, BOB)
    old_bounce(ledger, BOB)
    remove(ledger, BOB)
    told = json.loads(run("suppressions", "sync", "--dry-run", "--json").stdout)
    assert (told["counts"]["to_take"], told["counts"]["to_delete"]) == (1, 1)
    run("suppressions", "sync")
    remove(ledger, ADA)
    told = json.loads(run("suppressions", "drift", "--json").stdout)
    assert (told["counts"]["only_there"], told["counts"]["to_delete"]) == (0, 1)


@pytest.mark.usefixtures("_quick")
def test_what_somebody_removed_at_ses_is_listed_for_a_person(
    run: Callable[..., Result], ledger: Engine, ses: Any
) -> None:
    put(ses, ADA)
    run("suppressions", "sync")
    ses.delete_suppressed_destination(EmailAddress=ADA)
    assert "gone" in run("suppressions", "sync", "--full").stdout
    shown = run("suppressions", "drift", "--kind", "removed_there")
    assert shown.exit_code == ExitCode.NO
    assert ADA in shown.stdout
    assert "to_take" not in shown.stdout


def test_a_list_that_was_never_read_is_no_answer(
    run: Callable[..., Result], ledger: Engine, ses: Any
) -> None:
    result = run("suppressions", "drift")
    assert result.exit_code == ExitCode.NO
    assert "never been read" in result.stderr


def test_an_account_in_the_sandbox_is_told_why_nothing_is_done(
    run: Callable[..., Result], ledger: Engine, control: Control, ses: Any
) -> None:
    control.ses(production_access=False)
    result = run("suppressions", "sync")
    assert result.exit_code == ExitCode.NO
    assert "sandbox" in result.stderr
    assert LISTS not in control.calls()


def test_beside_a_scheduler_that_does_it_the_command_does_nothing(
    run: Callable[..., Result], ledger: Engine, control: Control, ses: Any
) -> None:
    duties.begin(ledger, "suppressions", interval_seconds=0, lease_seconds=60)
    result = run("suppressions", "sync")
    assert result.exit_code == ExitCode.NO
    assert "Another process" in result.stderr
    assert LISTS not in control.calls()


@pytest.mark.usefixtures("_quick")
def test_a_refusal_by_ses_is_a_sentence_without_the_address(
    run: Callable[..., Result], ledger: Engine, control: Control, ses: Any
) -> None:
    put(ses, ADA)
    run("suppressions", "sync")
    remove(ledger, ADA)
    denied = {"status": 403, "code": "AccessDeniedException", "message": f"not {ADA}"}
    control.fault("ses", "DeleteSuppressedDestination", "status", **denied)
    result = run("suppressions", "sync")
    assert result.exit_code == ExitCode.WRONG
    assert "AWS answered DeleteSuppressedDestination with AccessDeniedException" in result.stderr
    assert ADA not in result.stderr


def test_a_killed_run_goes_on_at_its_page(
    run: Callable[..., Result],
    ledger: Engine,
    control: Control,
    ses: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = [f"n{number:04d}@example.com" for number in range(1001)]
    put(ses, *addresses)
    program = Path(sys.executable).with_name("mailsluice")
    with subprocess.Popen(  # noqa: S603  our own program
        [program, "suppressions", "sync"],
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        control.wait_for(f"calls:{LISTS}", timeout_seconds=30)
        control.fault("ses", "ListSuppressedDestinations", "hang", times=1)
        control.wait_for(f"started:{LISTS}", 2, timeout_seconds=30)
        running.send_signal(signal.SIGKILL)
    control.clear_faults()
    with ledger.begin() as connection:
        connection.execute(text("UPDATE scheduler_duties SET lease_until = now()"))
    monkeypatch.setattr(spacing.Spacing, "wait", lambda _: True)
    done = json.loads(run("suppressions", "sync", "--json").stdout)
    assert (done["read"], done["taken"]) == (1, 1001)
    assert all(find(ledger, address) for address in (addresses[0], addresses[-1]))
