"""Notifications are signed, and the certificate is where they say it is."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws

SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303  what SNS signs with


def published(simulator: Aws, version: str, **message: object) -> dict[str, Any]:
    """The envelope of a message published to a topic of this signature version."""
    inbox = simulator.queue("inbox")
    topic = simulator.sns.create_topic(Name="signed", Attributes={"SignatureVersion": version})
    arn = topic["TopicArn"]
    simulator.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=simulator.arn_of(inbox))
    simulator.sns.publish(TopicArn=arn, **message)
    return json.loads(simulator.receive(inbox)[0]["Body"])


def verify(envelope: dict[str, Any]) -> None:
    """Check the signature as the SNS developer guide tells."""
    with urllib3.PoolManager() as pool:
        pem = pool.request("GET", envelope["SigningCertURL"]).data
    text = "".join(f"{key}\n{envelope[key]}\n" for key in SIGNED if key in envelope)
    x509.load_pem_x509_certificate(pem).public_key().verify(
        base64.b64decode(envelope["Signature"]),
        text.encode(),
        padding.PKCS1v15(),
        HASHES[envelope["SignatureVersion"]],
    )


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("message", [{}, {"Subject": "Hello"}], ids=["bare", "with subject"])
def test_a_signature_holds(simulator: Aws, version: str, message: dict[str, str]) -> None:
    envelope = published(simulator, version, Message="Grüße\n", **message)

    assert envelope["SignatureVersion"] == version
    verify(envelope)


def test_a_changed_message_is_found_out(simulator: Aws) -> None:
    envelope = published(simulator, "2", Message="hello")

    with pytest.raises(InvalidSignature):
        verify(envelope | {"Message": "hullo"})


def test_the_certificate_is_on_the_simulator_unless_told_otherwise(
    simulator: Aws, control: Control
) -> None:
    own = published(simulator, "1", Message="hello")["SigningCertURL"]
    control.sns(certificate_url="https://sns.eu-west-1.amazonaws.com/elsewhere.pem")
    simulator.sqs.delete_queue(QueueUrl=f"{simulator.endpoint_url}/000000000000/inbox")
    other = published(simulator, "1", Message="hello")["SigningCertURL"]

    assert own.startswith(f"{simulator.endpoint_url}/SimpleNotificationService-")
    assert other == "https://sns.eu-west-1.amazonaws.com/elsewhere.pem"
