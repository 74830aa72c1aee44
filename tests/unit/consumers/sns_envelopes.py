"""Envelopes as SNS signs them, with a key and a certificate of the tests' own."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 3, 1, 12, 0, 4, tzinfo=UTC)
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
TOPIC = "arn:aws:sns:eu-west-1:111111111111:ses-events"
DAY = timedelta(days=1)


@functools.cache
def key(number: int = 1) -> rsa.RSAPrivateKey:
    """One of several keys, of the size that SNS uses."""
    assert number
    return rsa.generate_private_key(65537, 2048)


def certificate(
    name: str = "sns.amazonaws.com",
    *,
    valid_from: datetime = NOW - DAY,
    valid_until: datetime = NOW + DAY,
    signer: Any = None,
) -> bytes:
    """A certificate in PEM."""
    signer = signer or key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(signer.public_key())
        .serial_number(7)
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .sign(signer, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def notification(**changes: Any) -> dict[str, Any]:
    """An envelope that is not signed yet. What is None is left out."""
    written = {
        "Type": "Notification",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": '{"eventType": "Send", "mail": {"messageId": "é"}}\n',
        "Timestamp": "2026-03-01T12:00:04.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": URL,
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def confirmation(kind: str, **changes: Any) -> dict[str, Any]:
    """The envelope of a confirmation."""
    return notification(
        Type=kind, Subject=None, Token="2336412f37", SubscribeURL="https://x.test/?a=b", **changes
    )


# In the order of the developer guide, written out so that it is not the product's own.
NOTIFICATION_LINES = "Message MessageId Subject Timestamp TopicArn Type"
CONFIRMATION_LINES = "Message MessageId SubscribeURL Timestamp Token TopicArn Type"


def signed(envelope: dict[str, Any], *, signer: Any = None) -> dict[str, Any]:
    """The envelope with its signature."""
    is_notification = envelope["Type"] == "Notification"
    lines = NOTIFICATION_LINES if is_notification else CONFIRMATION_LINES
    text = "".join(f"{each}\n{envelope[each]}\n" for each in lines.split() if each in envelope)
    algorithm = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303
    signature = (signer or key()).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**envelope, "Signature": base64.b64encode(signature).decode()}


@dataclass
class Clock:
    """A monotonic clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now
