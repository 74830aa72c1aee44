"""Whatever SES does, our client and boto3's mean the same by it, and POST once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from config import aws
from config.settings import load_settings
from sandbox.aws.server import SimulatorThread
from worker.ses.outcomes import Sent, Unknown
from worker.ses.post import SesPost
from worker.ses.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.control import Control

THREADS = 32
SENDS_EACH = 10
REQUEST: dict[str, Any] = {
    "FromEmailAddress": "me@example.com",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "Content": {"Simple": {"Subject": {"Data": "Grüße"}, "Body": {"Text": {"Data": "Hi"}}}},
    "EmailTags": [{"Name": "mailsluice-id", "Value": "1"}],
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture
def ses(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    """A simulated SES with one verified domain and a fast account."""
    control = simulator.control
    control.reset()
    control.ses(max_send_rate=1000.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    client = aws.ses_control(load_settings())
    client.create_email_identity(EmailIdentity="example.com")
    client.close()
    return control


@pytest.fixture
def read_timeout_seconds() -> float:
    return 20.0


@pytest.fixture
def post(ses: Control, read_timeout_seconds: float) -> Iterator[SesPost]:
    settings = load_settings(ses_read_timeout_seconds=read_timeout_seconds, concurrency=THREADS)
    made = SesPost(aws.ses_sender(settings), settings)
    yield made
    made.close()


@pytest.fixture
def ours(post: SesPost) -> Sender:
    return Sender(post)


@pytest.fixture
def theirs(ses: Control, read_timeout_seconds: float) -> Iterator[Sender]:
    client = aws.ses_sender(load_settings(ses_read_timeout_seconds=read_timeout_seconds))
    yield Sender(client)
    client.close()


def posts(ses: Control) -> int:
    """How many have arrived; one that an earlier test gave up may end only now."""
    return ses.wait_for("started:ses.SendEmail", 1)


def test_an_accepted_message_is_sent_with_all_that_it_says(ours: Sender, ses: Control) -> None:
    outcome = ours.send(REQUEST)
    [send] = ses.sends()
    assert outcome == Sent(send.ses_message_id)
    assert (send.to, send.tags, send.source) == (
        ["ada@example.com"],
        {"mailsluice-id": "1"},
        "me@example.com",
    )


REFUSALS = [
    (400, "MessageRejected", "Address blacklisted."),
    (400, "MessageRejected", "Sending paused for this account."),
    (400, "BadRequestException", "Missing final '@domain'"),
    (400, "LimitExceededException", "Daily message quota exceeded."),
    (400, "AccountSuspendedException", ""),
    (400, "SendingPausedException", ""),
    (400, "MailFromDomainNotVerifiedException", ""),
    (400, "SomethingNew", "unheard of"),
    (403, "AccessDeniedException", "User is not authorized"),
    (403, "ExpiredTokenException", ""),
    (403, "RequestTimeTooSkewed", ""),
    (403, "RequestExpired", ""),
    (403, "SignatureDoesNotMatch", ""),
    (404, "NotFoundException", "Configuration set <x> does not exist."),
    (408, "RequestTimeout", ""),
    (413, "RequestEntityTooLargeException", ""),
    (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    (429, "TooManyRequestsException", "Rate exceeded"),
    (500, "InternalFailure", ""),
    (503, "ServiceUnavailable", ""),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_means_what_it_means_through_boto3(
    ours: Sender, theirs: Sender, ses: Control, refusal: tuple[int, str, str]
) -> None:
    status, code, message = refusal
    ses.fault("ses", "SendEmail", "status", status=status, code=code, message=message)
    outcome = ours.send(REQUEST)
    assert outcome == theirs.send(REQUEST)
    assert outcome.why.code == code
    assert posts(ses) == 2


@pytest.mark.parametrize("read_timeout_seconds", [0.5])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut"},
        {"kind": "hang", "seconds": 3.0},
        {"kind": "lose_answer"},
        {"kind": "error_after"},
        {"kind": "error_after", "status": 503, "code": "ServiceUnavailable"},
        {"kind": "slow", "seconds": 3.0},
    ],
)
def test_a_lost_answer_means_what_it_means_through_boto3_after_one_post_each(
    ours: Sender, theirs: Sender, ses: Control, fault: dict[str, Any]
) -> None:
    ses.fault("ses", "SendEmail", **fault)
    outcome = ours.send(REQUEST)
    assert outcome == theirs.send(REQUEST)
    assert isinstance(outcome, Unknown)
    ses.clear_faults()
    assert ses.wait_for("started:ses.SendEmail", 2) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"sending_enabled": False, "paused_as": "message_rejected"},
        {"sending_enabled": False, "paused_as": "exception"},
        {"suspended": True},
        {"max_24_hour_send": 1.0, "sent_last_24_hours": 1.0, "quota_as": "too_many_requests"},
        {"max_24_hour_send": 1.0, "sent_last_24_hours": 1.0, "quota_as": "limit_exceeded"},
    ],
)
def test_the_state_of_the_account_means_what_it_means_through_boto3(
    ours: Sender, theirs: Sender, ses: Control, settings: dict[str, Any]
) -> None:
    ses.ses(**settings)
    outcome = ours.send(REQUEST)
    assert outcome == theirs.send(REQUEST)
    assert not isinstance(outcome, Sent | Unknown)


def test_after_a_lost_answer_the_next_message_goes_out_on_a_new_connection(
    ours: Sender, ses: Control
) -> None:
    assert isinstance(ours.send(REQUEST), Sent)
    ses.fault("ses", "SendEmail", "cut", times=1)
    assert isinstance(ours.send(REQUEST), Unknown)
    assert isinstance(ours.send(REQUEST), Sent)


def test_many_threads_send_each_message_once(ours: Sender, ses: Control) -> None:
    outcomes: list[object] = []

    def run() -> None:
        outcomes.extend(ours.send(REQUEST) for _ in range(SENDS_EACH))

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = {Sent(send.ses_message_id) for send in ses.sends()}
    assert len(accepted) == posts(ses) == THREADS * SENDS_EACH
    assert set(outcomes) == accepted
