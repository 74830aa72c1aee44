"""Reads a CSV file into the suppression list, in batches, with a progress bar on a terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from config.errors import ConfigurationError
from db.suppressions import Suppression, add
from ops.suppression_file import BadLine, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Engine

BATCH = 1000


@dataclass
class Imported:
    """What became of the lines. `unchanged` were on the list for no weaker a reason."""

    read: int = 0
    added: int = 0
    unchanged: int = 0
    refused: list[BadLine] = field(default_factory=list)


def import_file(
    file: IO[str],
    engine: Engine | None,
    streams: Collection[str],
    *,
    size_bytes: int | None,
    by: str | None = None,
) -> Imported:
    """Take every good line into the list and answer for all; without `engine` only look.

    Each batch is a transaction; to import the same file again changes nothing. `by` is who
    imports it, for the history of the list.

    Raises:
        ConfigurationError: the header is not one, or the file is not UTF-8.
    """
    done = Imported()
    try:
        with _progress() as progress:
            task = progress.add_task("Importing" if engine else "Checking", total=size_bytes)
            for batch in _batches(read(file, streams), done):
                told = [replace(each, by=by) for each in batch]
                changed = len(add(engine, told)) if engine else 0
                done.added += changed
                done.unchanged += len(batch) - changed if engine else 0
                if size_bytes is not None:
                    progress.update(task, completed=file.buffer.tell())  # type: ignore[attr-defined]
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"The file is not UTF-8, somewhere behind its first {done.read} entries."
        ) from None
    return done


def _batches(lines: Iterator[Suppression | BadLine], done: Imported) -> Iterator[list[Suppression]]:
    while chunk := list(islice(lines, BATCH)):
        done.read += len(chunk)
        done.refused += [each for each in chunk if isinstance(each, BadLine)]
        yield [each for each in chunk if isinstance(each, Suppression)]


def _progress() -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
