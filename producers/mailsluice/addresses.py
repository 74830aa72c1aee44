"""E-mail addresses: what may go on the wire, and the key under which one is looked up."""

from __future__ import annotations

import re
import unicodedata
from email.header import Header
from email.utils import quote
from functools import lru_cache
from typing import TYPE_CHECKING

import idna
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAME_CHARACTERS = 200
MAX_ADDRESS_CHARACTERS = 320  # beyond RFC 5321 by far; email-validator knows the real limits
MAX_DOMAIN_CHARACTERS = 253  # RFC 1035

_ENCODED_WORD = r"=\?[!->@-~]+\?[bBqQ]\?[!->@-~]*\?="
_ENCODED_WORDS = re.compile(rf"{_ENCODED_WORD}(?: +{_ENCODED_WORD})*")
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NEEDS_QUOTES = frozenset('"<>@,;\\')


class AddressError(ValueError):
    """Not an address that can be mailed; `reason` quotes nothing of it, `detail` may."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def normalise_address(address: str) -> str:
    """The key of an address: trimmed, lower-case, its domain in IDNA; no display name.

    Dots and +tags of the local part count. Never raises: what is no address is only trimmed
    and put into lower case, so that any text from an event can be looked up.
    """
    local, at, domain = _split_name(address)[1].rpartition("@")
    return f"{local.lower()}{at}{_idna(domain)}"


def bare_address(address: str) -> str:
    """The address without its display name."""
    return _split_name(address)[1]


def each_once(addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses in their order, without those that an earlier one equals."""
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(normalise_address(address), address)
    return tuple(first.values())


# Senders are few and stand in every message: remembering them saves a third of its making.
@lru_cache(maxsize=256)
def wire_address(address: str) -> str:
    """The form that goes on the wire and to SES, ASCII throughout: `Name <local@domain>`.

    The domain becomes punycode and a name that is not ASCII becomes encoded words (RFC 2047), as
    SES asks for. What this returns, it returns unchanged when given again.

    Raises:
        AddressError: it cannot be mailed.
    """
    if _CONTROL_CHARACTER.search(address.strip()):
        raise AddressError("holds a line break or another control character")
    name, bare = _split_name(address)
    checked = _checked(bare)
    shown = _wire_name(name)
    return f"{shown} <{checked}>" if shown else checked


def _split_name(address: str) -> tuple[str, str]:
    text = address.strip()
    opening = text.rfind("<")
    if opening < 0 or not text.endswith(">"):
        return "", text
    return text[:opening].strip(), text[opening + 1 : -1].strip()


def _idna(domain: str) -> str:
    # The idna package takes time quadratic in the length of a name.
    if domain.isascii() or len(domain) > MAX_DOMAIN_CHARACTERS:
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain.lower()


def _checked(bare: str) -> str:
    _check_shape(bare)
    try:
        found = _validated(bare)
    except EmailNotValidError as invalid:
        raise _in_our_words(str(invalid)) from None
    # validate_email lowers "Postmaster" and its like; the local part is the recipient's own.
    return f"{bare.rpartition('@')[0]}@{found.ascii_domain}"


def _check_shape(bare: str) -> None:
    # email-validator would look at each character of a megabyte before it says the same.
    if len(bare) > MAX_ADDRESS_CHARACTERS:
        raise AddressError("is not an e-mail address: it is too long")
    local, at, domain = bare.rpartition("@")
    if not at:
        raise AddressError("is not an e-mail address: there is no @ in it")
    if "@" in local and re.search(r"[,;]", bare):
        raise AddressError("looks like several addresses: give a list, one address to an item")
    if not local:
        raise AddressError("is not an e-mail address: nothing precedes the @")
    if not domain:
        raise AddressError("is not an e-mail address: nothing follows the @")
    if not local.isascii():
        raise AddressError("cannot be mailed: SES takes only ASCII before the @")
    if "." not in _idna(domain):
        raise AddressError("is not an e-mail address: the part after the @ has no dot")


def _validated(bare: str) -> ValidatedEmail:
    # Private networks do mail within ".local", which email-validator refuses whatever it is told.
    local_network = bare.lower().endswith(".local")
    stands_in = bare[: -len(".local")] + ".test" if local_network else bare
    found = validate_email(
        stands_in,
        allow_smtputf8=False,
        check_deliverability=False,
        test_environment=True,  # ".test" is a domain like any other
        strict=True,
    )
    if local_network:
        found.ascii_domain = found.ascii_domain.removesuffix(".test") + ".local"
    return found


def _in_our_words(invalid: str) -> AddressError:
    # email-validator quotes the address only behind a colon or in brackets.
    sentence = invalid.rstrip(".")
    reason = re.split(r": | \(", sentence, maxsplit=1)[0]
    detail = sentence[len(reason) :]
    return AddressError(f"is not an e-mail address: {reason[0].lower()}{reason[1:]}", detail)


def _wire_name(name: str) -> str:
    if _ENCODED_WORDS.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFC", _unquoted(name)).strip()
    if len(plain) > MAX_NAME_CHARACTERS:
        raise AddressError(f"has a display name of more than {MAX_NAME_CHARACTERS} characters")
    if not plain.isascii():
        return Header(plain, "utf-8", maxlinelen=75).encode(linesep="")
    return plain if _PLAIN_NAME.fullmatch(plain) else f'"{quote(plain)}"'


def _unquoted(name: str) -> str:
    quoted = _QUOTED_NAME.fullmatch(name)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if _NEEDS_QUOTES.intersection(name):
        raise AddressError('has a display name with one of , ; < > @ \\ " in it: put it in quotes')
    return name
