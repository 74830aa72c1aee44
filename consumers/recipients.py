"""Whom an event is about.

Events name addresses in many spellings, and a bounce may name one that we never wrote to: the
mailbox that a recipient forwards to, or whatever a stranger's server put into its report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from consumers.fields import several, text
from db.addresses import is_plain, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

ADDRESS_CHARACTERS = 320

# Commas and semicolons part addresses, but not inside a quoted name.
_PART = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,;"])+')
_IN_ANGLE_BRACKETS = re.compile(r"<\s*([^<>]*[^<>\s])\s*>")
_ADDRESS = re.compile(r'("[^"]+"|[^\s"]+)@[^\s@"]+')


@dataclass(frozen=True)
class Recipient:
    """A normalised address; `addressed` unless the message is known not to have gone to it."""

    address: str
    addressed: bool


def read_addresses(value: object) -> list[str]:
    """The addresses in a string, or in a list of strings: normalised, in order, each once.

    Display names, angle brackets and several addresses joined by commas are understood. What
    holds no address is left out.
    """
    found: dict[str, None] = {}
    for item in several(value):
        found.update(dict.fromkeys(_addresses_in(text(item) or "")))
    return list(found)


# An event names each of its recipients several times.
@lru_cache(maxsize=1024)
def _addresses_in(written: str) -> tuple[str, ...]:
    parts = [written] if is_plain(written) else map(_bare, _PART.findall(written))
    found = map(normalise, parts)
    return tuple(
        address
        for address in found
        if len(address) <= ADDRESS_CHARACTERS and _ADDRESS.fullmatch(address)
    )


def _bare(part: str) -> str:
    """A quoted name may hold brackets of its own, so the address is in the last ones."""
    bracketed = _IN_ANGLE_BRACKETS.findall(part)
    return bracketed[-1] if bracketed else part


def whom(named: object, destinations: Sequence[str]) -> list[Recipient]:
    """The recipients of ours that an event means by what it names.

    A message to one recipient is about that recipient, whatever the report calls it: mail is
    forwarded, and reports leave addresses out. Of several recipients nobody can know which one
    was meant, so a foreign address is marked as not addressed. When the destinations are not
    known, the name is all there is.
    """
    sole = list(destinations) if len(destinations) == 1 else []
    recipients: dict[str, Recipient] = {}
    for address in read_addresses(named) or sole:
        meant = address if address in destinations or not sole else sole[0]
        addressed = not destinations or meant in destinations
        recipients[meant] = Recipient(meant, addressed)
    return list(recipients.values())
