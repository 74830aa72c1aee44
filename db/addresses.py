"""The key under which an address is looked up."""

from __future__ import annotations

import re
from email.utils import parseaddr

import idna

# RFC 5322's dot-atom, at a host name: nearly every address, and in it there is nothing to parse.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")

# The standard library's parser recurses at each of these: a text of hundreds would end in an
# exception, and where would depend on who calls. An address has a few at most (IPv6 has eight).
_NESTS = re.compile(r"[(:]")
_MOST_NESTED = 50


def normalise(address: str) -> str:
    """Trimmed, without display name, lower-case, with an ASCII (IDNA) domain. Never raises.

    Nothing else is folded: dots and tags mean different mailboxes at most providers. What does
    not look like an address is only trimmed and lower-cased.
    """
    if is_plain(address):
        return address.lower()
    bare = _parsed(address) or address.strip()
    local, at, domain = bare.rpartition("@")
    if not at:
        return bare.lower()
    return f"{local}@{_ascii(domain)}".lower()


def is_plain(text: str) -> bool:
    """Whether this is an address and nothing else, in the one spelling that everybody reads."""
    return _PLAIN.fullmatch(text) is not None


def _parsed(address: str) -> str:
    return "" if len(_NESTS.findall(address)) > _MOST_NESTED else parseaddr(address)[1]


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
