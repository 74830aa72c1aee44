"""The key under which an address is looked up."""

from __future__ import annotations

from email.utils import parseaddr

import idna


def normalise(address: str) -> str:
    """Trimmed, without display name, lower-case, with an ASCII (IDNA) domain.

    Nothing else is folded: dots and tags mean different mailboxes at most providers. What does
    not look like an address is only trimmed and lower-cased.
    """
    bare = parseaddr(address)[1] or address.strip()
    local, at, domain = bare.rpartition("@")
    if not at:
        return bare.lower()
    return f"{local}@{_ascii(domain)}".lower()


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
