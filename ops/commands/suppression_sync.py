"""`mailsluice suppressions sync` and `drift`: our list and SES's own for the account."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from config import aws
from config.errors import ConfigurationError
from config.settings import load_settings
from db import accounts, ses_drift, ses_readings, ses_removals
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, cell, note, print_json, print_lines, print_table
from worker.scheduler.duties import Duty, Tenure
from worker.scheduler.sync_duty import LEASE_SECONDS, NAME, make_sync
from worker.ses.account import read_account

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from config.settings import Settings
    from db.ses_drift import Difference
    from worker.scheduler.suppression_sync import SuppressionSync

MEANINGS = {
    ses_drift.TO_TAKE: "listed at SES, not taken over yet",
    ses_drift.TO_PUT: "on our list, to be put on SES's",
    ses_drift.TO_DELETE: "removed here, to be deleted at SES",
    ses_drift.REMOVED_THERE: "removed at SES by somebody, still on our list",
    ses_drift.ONLY_THERE: "listed at SES, expired or not in force here",
    ses_drift.UNSEEN: "missing at SES, to be asked about",
    ses_drift.UNFIT: "on our list, refused by SES",
    ses_drift.STUCK: "listed at SES, which does not take it for an address",
}


class Kind(StrEnum):
    """In what an address may differ between the lists."""

    TO_TAKE = ses_drift.TO_TAKE
    TO_PUT = ses_drift.TO_PUT
    TO_DELETE = ses_drift.TO_DELETE
    REMOVED_THERE = ses_drift.REMOVED_THERE
    ONLY_THERE = ses_drift.ONLY_THERE
    UNSEEN = ses_drift.UNSEEN
    UNFIT = ses_drift.UNFIT
    STUCK = ses_drift.STUCK


Limit = Annotated[
    int, typer.Option(min=0, help="At most so many addresses of each kind; 0 for none.")
]


@dataclass
class Done:
    """What was done, by step."""

    counts: Counter[str] = field(default_factory=Counter)

    def count(self, step: str, count: int) -> None:
        """So much of this step."""
        self.counts[step] += count


@dataclass(frozen=True)
class Drift:
    """The differences between the lists, as SES's was read last."""

    read_at: datetime | None
    counts: dict[str, int]
    addresses: list[Difference]


@examples(
    "mailsluice suppressions sync --dry-run",
    "mailsluice suppressions sync",
    "mailsluice suppressions sync --full",
)
def sync(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read all of SES's list, change neither.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read all of SES's list, not only what is new.")
    ] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Bring our list and SES's own for the account in step, once, at about one call a second.

    What is interrupted goes on the next time. With --dry-run it tells what it would do. Ends with 1
    if a scheduler is doing it, or if the account is in SES's sandbox, where SES takes no address.
    """
    settings = load_settings()
    done = Done()
    with database(settings) as engine:
        _check_account(settings, engine)
        stopping = threading.Event()
        step = make_sync(
            settings, engine, stopping, done.count, full=full or dry_run, only_look=dry_run
        )
        _run(engine, step, done)
        drift = _drift(settings, engine, list(MEANINGS), limit) if dry_run else None
    if drift is not None:
        _show(drift, as_json=as_json)
    elif as_json:
        print_json(done.counts)
    else:
        _tell(done)


@examples(
    "mailsluice suppressions drift",
    "mailsluice suppressions drift --kind removed_there --limit 1000 --json",
)
def drift(
    *,
    kind: Annotated[Kind | None, typer.Option(help="Only differences of this kind.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show where our list and SES's own differ, as of the last reading. Asks SES nothing.

    Ends with 0 if they are in step, with 1 if not, or if SES's list was never read.
    """
    settings = load_settings()
    with database(settings) as engine:
        found = _drift(settings, engine, [kind.value] if kind else list(MEANINGS), limit)
    if found.read_at is None:
        note("SES's list has never been read; `mailsluice suppressions sync --dry-run` does so.")
        raise typer.Exit(ExitCode.NO)
    _show(found, as_json=as_json)
    raise typer.Exit(ExitCode.NO if any(found.counts.values()) else ExitCode.DONE)


def _check_account(settings: Settings, engine: Engine) -> None:
    """The account watch may not run where this is called, so SES is asked in case of doubt.

    Raises:
        typer.Exit: the account is in SES's sandbox.
    """
    account = accounts.latest(engine, settings.aws_region)
    if account is None or not account.production_access:
        account = read_account(aws.ses_control(settings), settings.aws_region)
    if not account.production_access:
        note(
            f"The SES account in {settings.aws_region} is in the sandbox: SES takes no address on "
            "its list there. Ask AWS for production access."
        )
        raise typer.Exit(ExitCode.NO)


def _run(engine: Engine, step: SuppressionSync, done: Done) -> None:
    """Turn by turn, as a scheduler would do it, and never beside one."""
    tenure = Tenure(engine, Duty(NAME, 0.0, LEASE_SECONDS, step.turn))
    if not tenure.begin():
        note(
            "Another process is bringing the lists in step at this moment; it will come to its end."
        )
        raise typer.Exit(ExitCode.NO)
    screen = Console(file=sys.stderr)
    try:
        step.begin()
        with screen.status("Asking SES, about once a second") as status:
            while step.turn() and tenure.renew():
                status.update(f"Asking SES, about once a second ({_words(done)})")
    finally:
        tenure.end()


def _words(done: Done) -> str:
    return ", ".join(f"{count} {step}" for step, count in sorted(done.counts.items()) if count)


def _tell(done: Done) -> None:
    print_lines(f"Done: {_words(done) or 'nothing was to do'}.")
    note("`mailsluice suppressions drift` tells where the lists still differ.")


def _drift(settings: Settings, engine: Engine, kinds: list[str], limit: int) -> Drift:
    region = settings.aws_region
    if not region:
        raise ConfigurationError("AWS_REGION is not set: each region has a list of its own.")
    at = ses_readings.position(engine, region)
    ses_removals.doom_removed(engine, at)
    counts = ses_drift.counts(engine, region)
    return Drift(
        read_at=at.begun_at,
        counts={kind: counts[kind] for kind in kinds},
        addresses=[
            each
            for kind in kinds
            for each in ses_drift.differences(engine, region, kind, most=limit)
        ],
    )


def _show(found: Drift, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_lines(f"SES's list as read since {cell(found.read_at)}.", "")
    print_table(
        ("ADDRESSES", "KIND", "MEANING"),
        [(count, kind, MEANINGS[kind]) for kind, count in found.counts.items()],
    )
    if found.addresses:
        print_lines("")
        print_table(
            ("ADDRESS", "KIND", "REASON", "SINCE"),
            [(each.address, each.kind, each.reason, each.since) for each in found.addresses],
        )
