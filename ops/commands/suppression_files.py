"""`mailsluice suppressions import` and `export`."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from db.suppression_export import export
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.operators import By, operator
from ops.output import AsJson, note, print_json, print_lines, print_table
from ops.progress import rows_bar
from ops.suppression_import import Imported, Source, import_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_BUFFER_BYTES = 1 << 20
_MEANING = {
    "new": "not on the list, or expired there",
    "stricter": "on the list for a weaker reason or a shorter time",
    "same": "on the list just so",
    "kept": "on the list for a stronger reason or a longer time: stays",
    "expired": "its time is over: not taken",
    "repeated": "said before in this file: taken together",
}


@examples(
    "mailsluice suppressions import list.csv --dry-run",
    "mailsluice suppressions import list.csv",
)
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would change.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Read addresses from a CSV file; its first line names the columns.

    They are address,scope,reason,created_at,expires_at,note. Only address is required; scope is
    by default * (everywhere), reason is manual. The time of the import becomes created_at. Good
    lines are taken; bad ones are reported with number and reason, and make the command end with 2.
    A stronger reason is never overwritten by a weaker one, nor a longer time by a shorter one. To
    import a file again does no harm.
    """
    settings = load_settings()
    # What a file holds can be checked where there is no database.
    is_offline = dry_run and not settings.database_url.get_secret_value()
    with (
        file.open(encoding="utf-8-sig", newline="") as lines,
        nullcontext() if is_offline else database(settings) as engine,
    ):
        source = Source(lines, file.stat().st_size, settings.streams, operator(by))
        done = import_file(source, engine, dry_run=dry_run)
    _report(done, dry_run=dry_run, as_json=as_json)


@examples(
    "mailsluice suppressions export list.csv",
    "mailsluice suppressions export | gzip > list.csv.gz",
)
def export_csv(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", dir_okay=False, help="By default stdout.")
    ] = None,
) -> None:
    """Write the whole list as CSV, in the form that `import` reads."""
    with database(load_settings()) as engine:
        if file is None:
            write(engine, sys.stdout.buffer)
            return
        with _replacing(file) as out:
            count = write(engine, out)
    note(f"{count} entries written to {file}.")


def write(engine: Engine, out: IO[bytes]) -> int:
    """Write a header and a line each; answers how many entries."""
    with export(engine) as (count, lines), rows_bar() as progress:
        out.write(next(lines))
        for line in progress.track(lines, total=count, description="Writing"):
            out.write(line)
    out.flush()
    return count


@contextmanager
def _replacing(file: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `file` once it is whole, readable by its owner alone."""
    with NamedTemporaryFile(
        "wb", buffering=_BUFFER_BYTES, dir=file.absolute().parent, delete=False
    ) as out:
        try:
            yield out
        except BaseException:
            Path(out.name).unlink()
            raise
    Path(out.name).replace(file)


def _report(done: Imported, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(_for_programs(done, dry_run=dry_run))
    else:
        for bad in done.refused:
            note(f"line {bad.line}: {bad.reason}")
        if done.refused_lines > len(done.refused):
            note(f"and {done.refused_lines - len(done.refused)} more such lines")
        _tell(done, dry_run=dry_run)
    if done.refused_lines:
        raise typer.Exit(ExitCode.WRONG)


def _tell(done: Imported, *, dry_run: bool) -> None:
    good = done.read - done.refused_lines
    verdicts = done.verdicts
    if verdicts is None:
        print_lines(f"{done.read} lines read: {good} good, {done.refused_lines} refused.")
        note("DATABASE_URL is not set: nobody knows what would change.")
        return
    added = f"{verdicts.changes} {'would be added' if dry_run else 'added'}"
    unchanged = f"{good - verdicts.changes} unchanged"
    print_lines(f"{done.read} lines read: {added}, {unchanged}, {done.refused_lines} refused.", "")
    print_table(
        ("LINES", "COUNT", "MEANING"),
        [(name, getattr(verdicts, name), meaning) for name, meaning in _MEANING.items()],
    )


def _for_programs(done: Imported, *, dry_run: bool) -> dict[str, object]:
    told: dict[str, object] = {"dry_run": dry_run, "read": done.read}
    if done.verdicts is not None:
        good = done.read - done.refused_lines
        changes = done.verdicts.changes
        told |= {"added": changes, "unchanged": good - changes, **vars(done.verdicts)}
    return told | {"refused_lines": done.refused_lines, "refused": done.refused}
