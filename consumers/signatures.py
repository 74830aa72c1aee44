"""The signature of an SNS message: what is signed, and whether a certificate's key signed it.

Source: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from consumers.errors import Refusal, UnreadableEventError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from consumers.fields import Json

_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
SIGNED_KEYS = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_OPTIONAL = frozenset({"Subject"})

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303  the default of SNS's topics still
    "2": hashes.SHA256(),
}
_PADDING = padding.PKCS1v15()


def forged(reason: str) -> UnreadableEventError:
    """The refusal of a message that SNS did not write so."""
    return UnreadableEventError(Refusal.FORGED, reason, may_be_ours=False)


def verify(envelope: Json, key: RSAPublicKey) -> None:
    """Make sure that the key signed the envelope.

    Raises:
        UnreadableEventError: it did not.
    """
    algorithm = _HASHES.get(str(envelope.get("SignatureVersion")))
    if algorithm is None:
        raise forged("Its signature is of an unknown version.")
    try:
        signature = base64.b64decode(str(envelope.get("Signature")), validate=True)
        key.verify(signature, signed_text(envelope).encode(), _PADDING, algorithm)
    except (ValueError, InvalidSignature):
        raise forged("Its signature does not fit it.") from None


def signed_text(envelope: Json) -> str:
    """What SNS signs of an envelope.

    Raises:
        UnreadableEventError: it lacks a part of that, or has one of another kind.
    """
    return "".join(
        f"{key}\n{_signed(envelope, key)}\n"
        for key in SIGNED_KEYS[envelope["Type"]]
        if key not in _OPTIONAL or envelope.get(key) is not None
    )


def _signed(envelope: Json, key: str) -> str:
    value = envelope.get(key)
    if not isinstance(value, str):
        raise forged(f"It has no {key} as SNS writes it.")
    # The signed text has no other boundaries than its lines: only the message may have several.
    if "\n" in value and key != "Message":
        raise forged(f"Its {key} has more than one line.")
    return value
