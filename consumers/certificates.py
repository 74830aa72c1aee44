"""The certificates that SNS signs with: fetched once, read once, and kept for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from consumers.errors import CertificateUnavailableError
from consumers.signatures import forged
from consumers.topics import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Fetch = Callable[[str], bytes | None]

MOST_KEPT = 64
KEPT_SECONDS = 86_400.0
# An address without a certificate is asked again sooner: it may only not have been there yet.
MISSING_SECONDS = 300.0
# A host that does not answer, or fails at one address, is not asked again for each message.
PAUSE_SECONDS = 1.0

_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_SNS_DOMAINS = tuple(f".{domain}" for domain in sorted(set(DOMAINS.values())))


@dataclass(frozen=True)
class Certificate:
    """A certificate of SNS's, and when it may be signed with."""

    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True)
class _Kept:
    certificate: Certificate | None
    until: float


class Certificates:
    """A bounded cache by URL, for all threads. `fetch` answers None where there is nothing."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._pauses: dict[str, float] = {}
        self._writing = threading.Lock()

    def kept(self, url: str) -> Certificate:
        """The certificate of that address, without asking anybody.

        Raises:
            CertificateUnavailableError: it is not known yet, or must be asked for again.
            UnreadableEventError: there is no certificate of SNS's.
        """
        found = self._kept.get(url)
        if found is None or found.until <= self._clock():
            raise CertificateUnavailableError
        return _present(found)

    def get(self, url: str) -> Certificate:
        """The certificate of that address, fetched if need be; the others wait for it.

        One that was fetched before does when it cannot be fetched again: what is at an address of
        SNS's never changes.

        Raises:
            CertificateUnavailableError: it cannot be fetched now.
            UnreadableEventError: there is no certificate of SNS's.
        """
        with self._writing:
            found = self._kept.get(url)
            if found is None or found.until <= self._clock():
                found = self._renewed(url, found)
            return _present(found)

    def _renewed(self, url: str, old: _Kept | None) -> _Kept:
        try:
            certificate = _read(self._ask(url))
        except CertificateUnavailableError:
            if old is None or old.certificate is None:
                raise
            certificate = old.certificate
        seconds = MISSING_SECONDS if certificate is None else KEPT_SECONDS
        made = self._kept[url] = _Kept(certificate, self._clock() + seconds)
        self._kept.move_to_end(url)
        while len(self._kept) > MOST_KEPT:
            del self._kept[self._least_needed()]
        return made

    def _least_needed(self) -> str:
        """Rather an address without a certificate: whoever forges messages may name many."""
        missing = (url for url, kept in self._kept.items() if kept.certificate is None)
        return next(missing, next(iter(self._kept)))

    def _ask(self, url: str) -> bytes | None:
        now, host = self._clock(), urlsplit(url).netloc
        if any(now < self._pauses.get(each, 0.0) for each in (host, url)):
            raise CertificateUnavailableError
        try:
            return self._fetch(url)
        except CertificateUnavailableError as error:
            self._pause(host if error.host_is_away else url)
            raise

    def _pause(self, what: str) -> None:
        now = self._clock()
        self._pauses = {each: until for each, until in self._pauses.items() if until > now}
        self._pauses[what] = now + PAUSE_SECONDS


def _present(kept: _Kept) -> Certificate:
    if kept.certificate is None:
        raise forged("There is no certificate of SNS's where it says.")
    return kept.certificate


def _read(pem: bytes | None) -> Certificate | None:
    """The certificate, if it is one that SNS could sign with."""
    try:
        found = x509.load_pem_x509_certificate(pem or b"")
        key = found.public_key()
        if not isinstance(key, RSAPublicKey) or not any(map(_is_of_sns, _names(found))):
            return None
    except _UNREADABLE:
        return None
    return Certificate(key, found.not_valid_before_utc, found.not_valid_after_utc)


def _names(certificate: x509.Certificate) -> list[str]:
    common = [
        str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return common
    return common + others.value.get_values_for_type(x509.DNSName)


def _is_of_sns(name: str) -> bool:
    return name.startswith("sns.") and name.endswith(_SNS_DOMAINS)
