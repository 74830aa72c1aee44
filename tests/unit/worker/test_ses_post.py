"""The client asks botocore who, where and how, and lets nothing wrong leave."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import botocore.exceptions as boto
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.session import get_session

from config import aws
from config.errors import ConfigurationError
from config.posting.reading import Answer
from config.settings import load_settings
from worker.ses.classify import classify
from worker.ses.outcomes import Halt, Reject
from worker.ses.post import SesPost

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST: dict[str, Any] = {
    "FromEmailAddress": "me@example.com",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "Content": {"Raw": {"Data": b"Subject: Hello\r\n\r\nHi"}},
}
ACCEPTED = Answer(200, {"x-amzn-requestid": "r1"}, b'{"MessageId": "0102"}')


class Wire:
    """Stands where the connections are, and keeps what would have left."""

    def __init__(self, answer: Answer = ACCEPTED) -> None:
        self.answer = answer
        self.sent: list[tuple[dict[str, str], bytes]] = []

    def connect(self) -> None:
        """Nothing is connected here."""

    def post(self, headers: dict[str, str], body: bytes, line: None, *, not_after: None) -> Answer:
        self.sent.append((headers, body))
        return self.answer


def make(client: Any, answer: Answer = ACCEPTED) -> tuple[SesPost, Wire]:
    post, wire = SesPost(client, load_settings()), Wire(answer)
    post._caller.exchange = wire
    return post, wire


def client_with(credentials: Credentials | None, **options: Any) -> Any:
    session = get_session()
    session._credentials = credentials
    return session.create_client("sesv2", "eu-west-1", **options)


def sent_by_botocore(client: Any) -> Any:
    """The HTTP request that a boto3 client would make, whole."""
    seen = []

    def stop(request: Any, **_: object) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 200, {}, mock.Mock(stream=lambda: iter([b"{}"])))

    client.meta.events.register("before-send.sesv2.SendEmail", stop)
    client.send_email(**REQUEST)
    return seen[0]


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_REGION": "eu-west-1"},
        {"AWS_REGION": "us-gov-west-1"},
        {"AWS_REGION": "cn-north-1"},
        {"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_REGION": "eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:8080"},
        {"AWS_ENDPOINT_URL_SESV2": "https://SES.example.com:443/a%20b/"},
        {"AWS_ENDPOINT_URL_SESV2": "http://[::1]:8080"},
        {"AWS_SESSION_TOKEN": "token/of+a=session"},
    ],
)
def test_the_request_goes_where_botocores_would_with_its_body_and_signature(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = aws.ses_sender(load_settings())
    theirs = sent_by_botocore(client)
    post = SesPost(aws.ses_sender(load_settings()), load_settings())
    target, fixed = post._caller.exchange._request_begins.split("\r\n", 1)
    wire = Wire()
    post._caller.exchange = wire
    post.send_email(**REQUEST)
    [(headers, body)] = wire.sent

    assert (post._caller.plan.url, body) == (theirs.url, theirs.body)
    assert target == f"POST /{theirs.url.split('/', 3)[3]} HTTP/1.1"
    assert f"User-Agent: {theirs.headers['User-Agent'].decode()}\r\n" in fixed
    signed = AWSRequest("POST", theirs.url, {"Content-Type": "application/json"}, body)
    at = datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    credentials = Credentials("testing", "testing", environment.get("AWS_SESSION_TOKEN"))
    scope = theirs.headers["Authorization"].decode().split("/")
    with mock.patch("botocore.auth.get_current_datetime", return_value=at):
        SigV4Auth(credentials, scope[3], scope[2]).add_auth(signed)
    assert headers == {k: v for k, v in signed.headers.items() if k != "Content-Type"}


def test_an_accepted_message_has_its_id() -> None:
    post, _ = make(aws.ses_sender(load_settings()))
    answer = post.send_email(**REQUEST)
    assert answer["MessageId"] == "0102"
    assert answer["ResponseMetadata"]["RequestId"] == "r1"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"MessageId": ""}', b'{"MessageId": 5}', b"\xff"]
)
def test_an_answer_without_an_id_is_no_acceptance(body: bytes) -> None:
    post, _ = make(aws.ses_sender(load_settings()), Answer(200, {}, body))
    assert "MessageId" not in post.send_email(**REQUEST)


@pytest.mark.parametrize(
    "change",
    [
        {"FromEmailAddress": 5},
        {"FromEmailAddress": b"me@example.com"},
        {"FromEmailAddress": None},
        {"Destination": ["ada@example.com"]},
        {"Destination": {"ToAddresses": "ada@example.com"}},
        {"Content": {"Raw": {"Data": 5}}},
        {"Content": {"Raw": {}}},
        {"Content": {"Template": {"TemplateName": ""}}},
        {"Contents": {}},
    ],
)
def test_a_request_of_a_wrong_type_never_leaves_and_the_error_names_the_field(
    change: dict[str, Any],
) -> None:
    post, wire = make(aws.ses_sender(load_settings()))
    with pytest.raises(boto.ParamValidationError, match=next(iter(change))) as caught:
        post.send_email(**{**REQUEST, **change})
    assert isinstance(classify(caught.value), Reject)
    assert wire.sent == []


def test_without_credentials_nothing_leaves_and_sending_halts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    post, wire = make(aws.ses_sender(load_settings()))
    with pytest.raises(boto.NoCredentialsError) as caught:
        post.send_email(**REQUEST)
    assert isinstance(classify(caught.value), Halt)
    assert wire.sent == []


def refreshable(refresh: Callable[[], dict[str, str]]) -> RefreshableCredentials:
    """Credentials that have run out, so that the first use must renew them."""
    return RefreshableCredentials(
        "old", "old", None, datetime.now(UTC) - timedelta(hours=1), refresh, "test"
    )


def test_credentials_are_renewed_by_botocore_and_used_at_once() -> None:
    expiry = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    fresh = {"access_key": "new", "secret_key": "new", "token": "t", "expiry_time": expiry}
    post, wire = make(client_with(refreshable(lambda: fresh)))
    post.send_email(**REQUEST)
    [(headers, _)] = wire.sent
    assert "Credential=new/" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "t"


@pytest.mark.parametrize(
    "problem",
    [
        boto.ClientError({"Error": {"Code": "InternalFailure", "Message": ""}}, "AssumeRole"),
        boto.ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "AssumeRole"),
        boto.ReadTimeoutError(endpoint_url="https://sts.amazonaws.com"),
        boto.MetadataRetrievalError(error_msg="x"),
        boto.CredentialRetrievalError(provider="x", error_msg="x"),
        RuntimeError("still expired"),
    ],
)
def test_a_failed_renewal_halts_and_does_not_pass_for_an_answer_of_ses(problem: Exception) -> None:
    post, wire = make(client_with(refreshable(mock.Mock(side_effect=problem))))
    with pytest.raises(boto.CredentialRetrievalError) as caught:
        post.send_email(**REQUEST)
    outcome = classify(caught.value)
    assert (type(outcome), outcome.cause, wire.sent) == (Halt, "credentials", [])


@pytest.mark.parametrize(
    "credentials",
    [
        ReadOnlyCredentials("key\n", "secret", None),
        ReadOnlyCredentials("key", "secret", "token\r\nX-Evil: 1"),
        ReadOnlyCredentials("kéy", "secret", None),
    ],
)
def test_credentials_that_no_header_can_carry_halt(credentials: ReadOnlyCredentials) -> None:
    post, wire = make(client_with(Credentials(*credentials[:3])))
    with pytest.raises(boto.CredentialRetrievalError, match="line break"):
        post.send_email(**REQUEST)
    assert wire.sent == []


def test_another_signature_version_is_refused_at_the_start() -> None:
    client = client_with(None, config=Config(signature_version="v4a"))
    with pytest.raises(ConfigurationError, match="Signature Version 4 only"):
        SesPost(client, load_settings())


def test_the_client_is_made_in_a_moment() -> None:
    client = aws.ses_sender(load_settings())
    began = time.process_time()
    SesPost(client, load_settings())
    assert time.process_time() - began < 0.2


def test_the_error_is_the_one_that_boto3_raises() -> None:
    body = json.dumps({"message": "Address blacklisted."}).encode()
    headers = {"x-amzn-errortype": "com.amazon#MessageRejected:http://x/", "x-amzn-requestid": "r"}
    client = aws.ses_sender(load_settings())
    post, _ = make(client, Answer(400, headers, body))
    with pytest.raises(client.exceptions.MessageRejected) as caught:
        post.send_email(**REQUEST)
    assert caught.value.response["Error"] == {
        "Code": "MessageRejected",
        "Message": "Address blacklisted.",
    }
    assert caught.value.response["ResponseMetadata"]["RequestId"] == "r"
