"""The part of the SES v2 contract that moto has: the same answers from both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Aws


def simple_mail(**changes: object) -> dict[str, Any]:
    """Parameters of a send that every account takes."""
    return {
        "FromEmailAddress": "sender@example.com",
        "Destination": {"ToAddresses": ["ada@example.org"]},
        "Content": {
            "Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello, Ada"}}}
        },
    } | changes


def test_mail_of_a_verified_domain_is_accepted(aws: Aws) -> None:
    aws.ses.create_email_identity(EmailIdentity="example.com")

    first, second = (aws.ses.send_email(**simple_mail())["MessageId"] for _ in range(2))

    assert first
    assert first != second


def test_a_raw_mail_is_accepted(aws: Aws) -> None:
    aws.ses.create_email_identity(EmailIdentity="sender@example.com")
    raw = b"From: sender@example.com\r\nTo: ada@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"

    answer = aws.ses.send_email(**simple_mail(Content={"Raw": {"Data": raw}}))

    assert answer["MessageId"]


def test_mail_of_an_unverified_sender_is_rejected(aws: Aws) -> None:
    with pytest.raises(aws.ses.exceptions.MessageRejected) as refused:
        aws.ses.send_email(**simple_mail())

    assert "sender@example.com" in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_more_than_fifty_recipients_are_refused(aws: Aws) -> None:
    aws.ses.create_email_identity(EmailIdentity="example.com")
    crowd = {"ToAddresses": [f"reader{number}@example.org" for number in range(51)]}

    code = aws.refusal(aws.ses.send_email, **simple_mail(Destination=crowd))

    assert code == "BadRequestException"


def test_identities_are_listed_and_described(aws: Aws) -> None:
    aws.ses.create_email_identity(EmailIdentity="example.com")
    aws.ses.create_email_identity(EmailIdentity="ada@example.org")

    listed = aws.ses.list_email_identities()["EmailIdentities"]
    domain = aws.ses.get_email_identity(EmailIdentity="example.com")

    assert {(entry["IdentityName"], entry["IdentityType"]) for entry in listed} == {
        ("example.com", "DOMAIN"),
        ("ada@example.org", "EMAIL_ADDRESS"),
    }
    assert domain["IdentityType"] == "DOMAIN"


def test_a_deleted_identity_is_gone(aws: Aws) -> None:
    aws.ses.create_email_identity(EmailIdentity="example.com")

    aws.ses.delete_email_identity(EmailIdentity="example.com")

    assert aws.ses.list_email_identities()["EmailIdentities"] == []


def test_configuration_sets_are_listed_and_described(aws: Aws) -> None:
    aws.ses.create_configuration_set(
        ConfigurationSetName="transactional", DeliveryOptions={"TlsPolicy": "REQUIRE"}
    )

    described = aws.ses.get_configuration_set(ConfigurationSetName="transactional")

    assert described["ConfigurationSetName"] == "transactional"
    assert described["DeliveryOptions"]["TlsPolicy"] == "REQUIRE"
    assert aws.ses.list_configuration_sets()["ConfigurationSets"] == ["transactional"]


def test_a_deleted_configuration_set_is_gone(aws: Aws) -> None:
    aws.ses.create_configuration_set(ConfigurationSetName="transactional")

    aws.ses.delete_configuration_set(ConfigurationSetName="transactional")

    code = aws.refusal(aws.ses.get_configuration_set, ConfigurationSetName="transactional")
    assert code == "NotFoundException"
