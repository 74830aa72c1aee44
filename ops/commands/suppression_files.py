"""`mailsluice suppressions import` and `export`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from db.suppressions import Suppression, pages
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.operators import By, operator
from ops.output import AsJson, note, print_json, print_lines
from ops.suppression_file import write
from ops.suppression_import import Imported, import_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@examples(
    "mailsluice suppressions import list.csv --dry-run",
    "mailsluice suppressions import list.csv",
)
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file only.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Read addresses from a CSV file; its first line names the columns.

    They are address,scope,reason,created_at,expires_at,note. Only address is required; scope is
    by default * (everywhere), reason is manual. The time of the import becomes created_at. Good
    lines are taken; bad ones are reported with number and reason, and make the command end with 2.
    To import a file again does no harm.
    """
    settings = load_settings()
    with file.open(encoding="utf-8-sig", newline="") as lines:
        size_bytes = file.stat().st_size
        if dry_run:
            done = import_file(lines, None, settings.streams, size_bytes=size_bytes)
        else:
            with database(settings) as engine:
                done = import_file(
                    lines, engine, settings.streams, size_bytes=size_bytes, by=operator(by)
                )
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
            write(sys.stdout, entries(engine))
            return
        with _replacing(file) as out:
            count = write(out, entries(engine))
    note(f"{count} entries written to {file}.")


def entries(engine: Engine, *, reason: str | None = None) -> Iterator[Suppression]:
    """The whole list by address, read in pages."""
    for page in pages(engine, reason=reason):
        yield from page


@contextmanager
def _replacing(file: Path) -> Iterator[IO[str]]:
    """A file that takes the place of `file` once it is whole, readable by its owner alone."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=file.absolute().parent, delete=False
    ) as out:
        try:
            yield out
        except BaseException:
            Path(out.name).unlink()
            raise
    Path(out.name).replace(file)


def _report(done: Imported, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, **vars(done)})
    else:
        for bad in done.refused:
            note(f"line {bad.line}: {bad.reason}")
        good = done.read - len(done.refused)
        counts = f"{good} good" if dry_run else f"{done.added} added, {done.unchanged} unchanged"
        print_lines(f"{done.read} lines read: {counts}, {len(done.refused)} refused.")
    if done.refused:
        raise typer.Exit(ExitCode.WRONG)
