"""AWS Signature Version 4 for POSTs to one URL: what never changes is computed once.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import ReadOnlyCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"


@dataclass(frozen=True)
class _DerivedKey:
    """A signing key, and what it was derived from besides region and service."""

    date: str
    secret: str
    key: bytes


class Signer:
    """Signs POSTs without a query string. Thread-safe."""

    def __init__(
        self, *, host: str, path: str, content_type: str, region: str, service: str
    ) -> None:
        """Fix what every request has in common.

        Args:
            host: The `Host` header as it is sent.
            path: The canonical URI: percent-encoded twice, without `.` and `..`.
            content_type: The `Content-Type` header as it is sent.
            region: The region of the credential scope.
            service: The service's signing name, for SES `ses`.
        """
        self._region = region
        self._service = service
        self._request_begins = f"POST\n{path}\n\ncontent-type:{content_type}\nhost:{host}\n"
        self._derived = _DerivedKey("", "", b"")

    def sign(
        self,
        body: bytes,
        credentials: ReadOnlyCredentials,
        *,
        epoch_seconds: float,
        named: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """The headers that have to go with the body, besides the host and the content type.

        `named` are headers of the operation, which are signed too; their names follow
        `X-Amz-Security-Token` in the alphabet.
        """
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(epoch_seconds))
        scope = f"{at[:8]}/{self._region}/{self._service}/{_TERMINATOR}"
        headers = {"X-Amz-Date": at}
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        headers |= named or {}
        request, signed = self._canonical(headers, body)
        text = f"{_ALGORITHM}\n{at}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        key = self._key(credentials.secret_key or "", at[:8])
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    def _canonical(self, headers: dict[str, str], body: bytes) -> tuple[str, str]:
        """The canonical request, and the names of the headers in it."""
        names = ["content-type", "host", *map(str.lower, headers)]
        lines = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
        signed = ";".join(names)
        return f"{self._request_begins}{lines}\n{signed}\n{sha256(body).hexdigest()}", signed

    def _key(self, secret: str, date: str) -> bytes:
        derived = self._derived
        # The whole tuple is swapped at once, so that no thread sees a key with another's date.
        if derived.date != date or derived.secret != secret:
            key = derive_key(secret, date, self._region, self._service)
            self._derived = derived = _DerivedKey(date, secret, key)
        return derived.key


def derive_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The signing key of a day (`YYYYMMDD`), region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
