"""The JSON text in which SNS wraps a message for SQS.

Source: Amazon SNS developer guide, "Amazon SNS message metadata and JSON formats".
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.times import iso

if TYPE_CHECKING:
    from sandbox.aws.sns.signing import Signer


@dataclass(slots=True, frozen=True)
class Notification:
    """One published message.

    Attributes:
        attributes: Message attributes: `{name: {"DataType": …, "StringValue"|"BinaryValue": …}}`.
    """

    message_id: str
    topic_arn: str
    message: str
    subject: str | None = None
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)


def wrap(
    notification: Notification,
    signer: Signer,
    *,
    signature_version: str,
    certificate_url: str,
    unsubscribe_url: str,
) -> str:
    """The body that a subscribed queue receives without raw delivery."""
    envelope = {
        "Type": "Notification",
        "MessageId": notification.message_id,
        "TopicArn": notification.topic_arn,
    }
    if notification.subject is not None:
        envelope["Subject"] = notification.subject
    envelope["Message"] = notification.message
    envelope["Timestamp"] = iso(time.time())
    envelope["SignatureVersion"] = signature_version
    envelope["Signature"] = signer.sign(envelope, signature_version)
    envelope["SigningCertURL"] = certificate_url
    envelope["UnsubscribeURL"] = unsubscribe_url
    return _layout(envelope | _listed(notification.attributes))


def _listed(attributes: dict[str, dict[str, str]]) -> dict[str, Any]:
    if not attributes:
        return {}
    listed = {
        name: {
            "Type": value["DataType"],
            "Value": value.get("StringValue", value.get("BinaryValue")),
        }
        for name, value in attributes.items()
    }
    return {"MessageAttributes": listed}


def _layout(envelope: dict[str, Any]) -> str:
    lines = (f"  {json.dumps(key)} : {json.dumps(value)}" for key, value in envelope.items())
    return "{\n" + ",\n".join(lines) + "\n}"
