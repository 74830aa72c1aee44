"""Signs notifications with a key and a certificate of the simulator's own.

Source: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNED_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303  the default of real topics
    "2": hashes.SHA256(),
}


class Signer:
    """One key, its self-signed certificate, and the path under which that is served."""

    def __init__(self) -> None:
        # Every delivery is signed; a short key takes half the time and guards nothing here.
        self._key = rsa.generate_private_key(65537, 1024)  # noqa: S505  see above
        certificate = _self_signed(self._key)
        self.certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
        fingerprint = certificate.fingerprint(hashes.SHA256()).hex()[:32]
        self.certificate_path = f"/SimpleNotificationService-{fingerprint}.pem"

    def sign(self, envelope: Mapping[str, str], version: str) -> str:
        """The base64 signature over the fields that SNS signs.

        Args:
            envelope: The notification; absent fields are left out of what is signed.
            version: `1` for SHA-1, `2` for SHA-256.
        """
        text = "".join(f"{key}\n{envelope[key]}\n" for key in _SIGNED_KEYS if key in envelope)
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), _HASHES[version])
        return base64.b64encode(signature).decode()


@functools.cache
def process_signer() -> Signer:
    """The one signer of this process."""
    return Signer()


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
