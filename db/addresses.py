"""The key under which an address is looked up."""

from __future__ import annotations

import re
from email.utils import parseaddr

import idna

# RFC 5322's dot-atom, at a host name: nearly every address, and in it there is nothing to parse.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def normalise(address: str) -> str:
    """Trimmed, without display name, lower-case, with an ASCII (IDNA) domain.

    Nothing else is folded: dots and tags mean different mailboxes at most providers. What does
    not look like an address is only trimmed and lower-cased.
    """
    if is_plain(address):
        return address.lower()
    bare = parseaddr(address)[1] or address.strip()
    local, at, domain = bare.rpartition("@")
    if not at:
        return bare.lower()
    return f"{local}@{_ascii(domain)}".lower()


def is_plain(text: str) -> bool:
    """Whether this is an address and nothing else, in the one spelling that everybody reads."""
    return _PLAIN.fullmatch(text) is not None


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
