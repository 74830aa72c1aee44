"""What we sign, AWS accepts: AWS's own examples, and botocore's signature of the same request."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from config.posting.signing import Signer, derive_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = ReadOnlyCredentials("AKIDEXAMPLE", SECRET, None)
NOON = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds it


def example_signer() -> Signer:
    return Signer(
        host="email.eu-west-1.amazonaws.com",
        path="/v2/email/outbound-emails",
        content_type="application/json",
        region="eu-west-1",
        service="ses",
    )


def signed_by_botocore(
    body: bytes, credentials: ReadOnlyCredentials, at: datetime, region: str
) -> dict[str, str]:
    url = "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails"
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4Auth(credentials, "ses", region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name != "Content-Type"}


@pytest.mark.parametrize(
    ("content_type", "signature"),
    [
        (
            "application/x-www-form-urlencoded",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "application/x-www-form-urlencoded; charset=utf8",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ),
    ],
)
def test_a_post_of_awss_test_suite_gets_the_signature_given_there(
    content_type: str, signature: str
) -> None:
    signer = Signer(
        host="example.amazonaws.com",
        path="/",
        content_type=content_type,
        region="us-east-1",
        service="service",
    )
    headers = signer.sign(b"Param1=value1", CREDENTIALS, epoch_seconds=NOON.timestamp())
    assert headers == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        ),
    }


def test_the_key_of_awss_documentation_is_derived_as_printed_there() -> None:
    assert derive_key(SECRET, "20120215", "us-east-1", "iam").hex() == (
        "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"
    )


@given(
    body=st.binary(max_size=500),
    credentials=st.builds(ReadOnlyCredentials, printable, printable, st.none() | printable),
    at=moments,
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"]),
)
def test_any_request_is_signed_as_botocore_signs_it(
    body: bytes, credentials: ReadOnlyCredentials, at: datetime, region: str
) -> None:
    signer = Signer(
        host="email.eu-west-1.amazonaws.com",
        path="/v2/email/outbound-emails",
        content_type="application/json",
        region=region,
        service="ses",
    )
    ours = signer.sign(body, credentials, epoch_seconds=at.timestamp())
    assert ours == signed_by_botocore(body, credentials, at, region)


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), moments), min_size=1, max_size=6))
def test_a_key_kept_from_before_is_never_used_for_other_credentials_or_another_day(
    calls: list[tuple[str, datetime]],
) -> None:
    signer = example_signer()
    for secret, at in calls:
        credentials = ReadOnlyCredentials("AKIDEXAMPLE", secret, None)
        ours = signer.sign(b"{}", credentials, epoch_seconds=at.timestamp())
        assert ours == signed_by_botocore(b"{}", credentials, at, "eu-west-1")
