"""Reads a CSV file into the suppression list, or tells what that would change."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from config.errors import ConfigurationError
from db.suppression_loading import Loading, Verdicts, loading
from ops.progress import bytes_bar, rows_bar
from ops.suppression_file import BadLine, read

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

    from sqlalchemy import Engine

    from db.suppressions import Suppression

# A file that is none of ours may be wrong in every one of its millions of lines.
MOST_BAD_LINES = 1000
_ROWS_A_STEP = 1000


@dataclass
class Imported:
    """What became of the lines; of the bad ones the first `MOST_BAD_LINES` are told.

    Without a database nobody knows what would change: then there are no verdicts.
    """

    read: int = 0
    refused_lines: int = 0
    refused: list[BadLine] = field(default_factory=list)
    verdicts: Verdicts | None = None

    def refuse(self, bad: BadLine) -> None:
        """Take note of a line that cannot be taken."""
        self.refused_lines += 1
        if len(self.refused) < MOST_BAD_LINES:
            self.refused.append(bad)


@dataclass(frozen=True)
class Source:
    """A CSV file, who gives it, and the streams that it may name."""

    file: IO[str]
    size_bytes: int
    streams: Collection[str]
    by: str


def import_file(source: Source, engine: Engine | None, *, dry_run: bool) -> Imported:
    """Take every good line into the list, and answer for all of them; a dry run only compares.

    Without an engine the file is only read. Nothing is taken before the file is read to its end;
    then each part is a transaction, and to import the same file again changes nothing.

    Raises:
        ConfigurationError: the header is not one, or the file is not UTF-8; nothing was taken.
    """
    done = Imported()
    with nullcontext() if engine is None else loading(engine) as load:
        try:
            with closing(_good(source, done)) as entries:
                _take(entries, load, done)
        except UnicodeDecodeError:
            raise ConfigurationError(
                f"The file is not UTF-8, somewhere behind its first {done.read} entries. "
                "Nothing was imported."
            ) from None
        if load is not None:
            _merge(load, done, by=None if dry_run else source.by)
    return done


def _take(entries: Iterator[Suppression], load: Loading | None, done: Imported) -> None:
    if load is not None:
        done.verdicts = load.take(entries)
        return
    for _entry in entries:
        pass


def _merge(load: Loading, done: Imported, *, by: str | None) -> None:
    """Without a name only compare."""
    verdicts = done.verdicts or Verdicts()
    with rows_bar() as progress:
        task = progress.add_task("Merging" if by else "Comparing", total=load.told)
        for rows, found in load.merge(by=by) if by else load.compare():
            verdicts.add(found)
            progress.advance(task, rows)
    done.verdicts = verdicts


def _good(source: Source, done: Imported) -> Generator[Suppression]:
    """The good lines, with a progress bar; the others are noted."""
    with bytes_bar() as progress:
        task = progress.add_task("Reading", total=source.size_bytes)
        for line in read(source.file, source.streams):
            done.read += 1
            if done.read % _ROWS_A_STEP == 0:
                progress.update(task, completed=source.file.buffer.tell())  # type: ignore[attr-defined]
            if isinstance(line, BadLine):
                done.refuse(line)
            else:
                yield line
