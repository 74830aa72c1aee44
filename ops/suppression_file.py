"""The suppression list as CSV: what `export` writes, `import` reads."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from config.address_keys import is_digest
from config.errors import ConfigurationError
from db.addresses import is_plain, normalise
from db.suppressions import EVERYWHERE, REASONS, Suppression
from ops.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

COLUMNS = ("address", "scope", "reason", "created_at", "expires_at", "note")
# What others call them.
ALIASES = {"cause": "reason", "expires": "expires_at"}
SOURCE = "import"

MAX_ADDRESS_CHARACTERS = 320  # 64 before the @ and 255 behind it: RFC 5321, section 4.5.3.1


@dataclass(frozen=True)
class BadLine:
    """A line that was not taken, and why."""

    line: int
    reason: str


def read(lines: Iterable[str], streams: Collection[str]) -> Iterator[Suppression | BadLine]:
    """Every line below the header, as a suppression or as what is wrong with it.

    Only `address` is required; scope is `*` and reason `manual` where they are left out.

    Raises:
        ConfigurationError: the header is not one.
    """
    reader = csv.reader(lines, strict=True)
    columns = _columns(next(reader, []))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(reader.line_num, f"it is not CSV: {error}")
            continue
        if any(value.strip() for value in row):
            yield _taken(reader.line_num, columns, row, streams)


def address_from(text: str) -> str:
    """The key of an address.

    Not as strict as for a message: what may not be mailed need not be mailable.

    Raises:
        ValueError: it is no address at all.
    """
    bare = text.strip()
    if is_plain(bare) and len(bare) <= MAX_ADDRESS_CHARACTERS:
        return bare.lower()
    if bare.endswith(">"):
        bare = bare.rpartition("<")[2].removesuffix(">")
    local, _at, domain = bare.rpartition("@")
    if not local or not domain:
        raise ValueError(f"{text!r} is not an e-mail address")
    if not bare.isprintable() or set(bare) & set(" ,;<>"):
        raise ValueError(f"{text!r} is not one e-mail address")
    if len(bare) > MAX_ADDRESS_CHARACTERS:
        raise ValueError(f"the address is longer than {MAX_ADDRESS_CHARACTERS} characters")
    return normalise(bare)


def key_of(argument: str) -> str:
    """The key of an address that was given as an argument.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return address_from(argument)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="ADDRESS") from None


def _columns(header: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in header]
    columns = [ALIASES.get(name, name) for name in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    if "address" not in columns or unknown or len(set(columns)) < len(columns):
        raise ConfigurationError(
            f"The first line must name the columns, some of {','.join(COLUMNS)}, with address "
            f"among them; it is: {','.join(header) or '(empty)'}"
        )
    return columns


def _taken(
    line: int, columns: list[str], row: list[str], streams: Collection[str]
) -> Suppression | BadLine:
    if len(row) != len(columns):
        return BadLine(line, f"it has {len(row)} values for {len(columns)} columns")
    try:
        return _suppression(
            dict(zip(columns, (value.strip() for value in row), strict=True)), streams
        )
    except ValueError as error:
        return BadLine(line, str(error))


def _suppression(row: dict[str, str], streams: Collection[str]) -> Suppression:
    scope = row.get("scope") or EVERYWHERE
    if scope != EVERYWHERE and scope not in streams:
        raise ValueError(f"scope {scope!r} is neither * nor a stream ({', '.join(streams)})")
    reason = row.get("reason") or "manual"
    if reason not in REASONS:
        raise ValueError(f"reason {reason!r} is none of {', '.join(REASONS)}")
    note = row.get("note") or None
    if note and "\x00" in note:
        raise ValueError("the note holds a NUL character")
    return Suppression(
        address=_known_as(row["address"]),
        scope=scope,
        reason=reason,
        source=SOURCE,
        note=note,
        created_at=_time(row, "created_at"),
        expires_at=_time(row, "expires_at"),
    )


def _known_as(written: str) -> str:
    """Whom `mailsluice erase` took out is on the list by a digest, and so in the file."""
    return written if is_digest(written) else address_from(written)


def _time(row: dict[str, str], column: str) -> datetime | None:
    text = row.get(column)
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{column} {error}") from None
