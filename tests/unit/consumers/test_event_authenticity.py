"""Who may speak to an event queue, and what must be signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.loaders import create_loader

from config.errors import ConfigurationError
from config.settings import load_settings
from consumers.authenticity import Authenticity
from consumers.batches import understand
from consumers.certificates import Certificates
from consumers.errors import CertificateUnavailableError, Refusal, UnreadableEventError
from consumers.queues import QueueMessage
from consumers.topics import DOMAINS, Home, topic_of
from sns_envelopes import DAY, NOW, TOPIC, URL, Clock, certificate, key, notification, signed

QUEUE_ARN = "arn:aws:sqs:eu-west-1:111111111111:mailsluice-events"
AWS = "https://sqs.eu-west-1.amazonaws.com"
FOREIGN = "arn:aws:sns:eu-west-1:222222222222:theirs"
SIBLING = "arn:aws:sns:eu-west-1:111111111111:another"
ELSEWHERE = "arn:aws:sns:us-east-1:111111111111:ses-events"


def asked(
    verify: str = "foreign",
    topics: str = "",
    *,
    pem: bytes | None = None,
    endpoint_url: str = AWS,
    **settings: Any,
) -> Authenticity:
    made = Authenticity.of(
        load_settings(sns_verify=verify, sns_topics=topics, **settings),
        queue_arn=QUEUE_ARN,
        endpoint_url=endpoint_url,
    )
    object.__setattr__(
        made, "certificates", Certificates(lambda _: pem or certificate(), clock=Clock())
    )
    return made


def verdict(
    authenticity: Authenticity, envelope: dict[str, Any] | None, sent_at: datetime = NOW
) -> tuple[Refusal, bool] | None:
    """Why it is refused and whether it may be ours; None if it is believed."""
    try:
        authenticity.admit_fetching(envelope, sent_at)
    except UnreadableEventError as error:
        return error.refusal, error.may_be_ours
    return None


FORGED = (Refusal.FORGED, False)
STRANGE = (Refusal.WRONG_TOPIC, False)
FORGOTTEN = (Refusal.WRONG_TOPIC, True)


@pytest.mark.parametrize(
    ("verify", "topics", "topic", "unsigned", "with_signature"),
    [
        ("foreign", "", TOPIC, None, None),
        ("foreign", "", ELSEWHERE, None, None),
        ("foreign", "", FOREIGN, STRANGE, STRANGE),
        ("foreign", FOREIGN, FOREIGN, FORGED, None),
        ("foreign", FOREIGN, TOPIC, FORGOTTEN, FORGOTTEN),
        ("always", "", TOPIC, FORGED, None),
        ("always", "", ELSEWHERE, STRANGE, STRANGE),
        ("always", ELSEWHERE, ELSEWHERE, FORGED, None),
        ("always", SIBLING, TOPIC, FORGED, FORGOTTEN),
        ("always", "", FOREIGN, STRANGE, STRANGE),
        ("always", f"{TOPIC}, {FOREIGN}", FOREIGN, FORGED, None),
        ("never", "", FOREIGN, None, None),
        ("never", TOPIC, TOPIC, None, None),
        ("never", TOPIC, FOREIGN, FORGOTTEN, FORGOTTEN),
    ],
)
def test_who_is_believed(
    verify: str, topics: str, topic: str, unsigned: object, with_signature: object
) -> None:
    region = topic.split(":")[3]
    envelope = notification(TopicArn=topic, SigningCertURL=URL.replace("eu-west-1", region))
    authenticity = asked(verify, topics)
    assert verdict(authenticity, {**envelope, "Signature": "AAAA"}) == unsigned
    assert verdict(authenticity, signed(envelope)) == with_signature


@pytest.mark.parametrize(
    ("verify", "expected"),
    [("foreign", None), ("always", (Refusal.UNSIGNED, False)), ("never", None)],
)
def test_without_an_envelope_only_always_refuses(verify: str, expected: object) -> None:
    assert verdict(asked(verify), None) == expected


@pytest.mark.parametrize("topic", [None, 7, "", "x", TOPIC + "\n", "arn:aws:sqs:eu-west-1:1:x"])
def test_an_envelope_that_names_no_topic_is_not_of_our_account(topic: object) -> None:
    assert verdict(asked(), signed(notification()) | {"TopicArn": topic}) == FORGED


def test_without_the_queues_account_every_topic_is_foreign() -> None:
    nowhere = Authenticity.of(load_settings(), queue_arn="", endpoint_url=AWS)
    assert verdict(nowhere, notification()) == STRANGE


NASTY = [
    "http://sns.eu-west-1.amazonaws.com/x.pem",
    "HTTPS://sns.eu-west-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com.evil.test/x.pem",
    "https://evil.test/sns.eu-west-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.test/x.pem",
    "https://user:pass@sns.eu-west-1.amazonaws.com/x.pem",
    "https://evil.test#sns.eu-west-1.amazonaws.com/x.pem",
    "https://evil.test\\@sns.eu-west-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com\\@evil.test/x.pem",
    "https://sns.eu-west-1.amazonaws.com:443/x.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
    "https://sns.eu-west-1.amazonaws.com./x.pem",
    "https://sns-eu-west-1.amazonaws.com/x.pem",
    "https://snsxeu-west-1xamazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com.cn/x.pem",
    "https://sns.eu-west-1.amazonaws.eu/x.pem",
    "https://s3.eu-west-1.amazonaws.com/sns/x.pem",
    "https://sns.s3.eu-west-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com/",
    "https://sns.eu-west-1.amazonaws.com/.pem",
    "https://sns.eu-west-1.amazonaws.com/x.pem?y",
    "https://sns.eu-west-1.amazonaws.com/x.pem#y.pem",
    "https://sns.eu-west-1.amazonaws.com/?x.pem",
    "https://sns.eu-west-1.amazonaws.com/?Action=Publish&Message=x.pem",
    "https://sns.eu-west-1.amazonaws.com/../x.pem",
    "https://sns.eu-west-1.amazonaws.com//evil.test/x.pem",
    "https://sns.eu-west-1.amazonaws.com/%2e%2e/x.pem",
    "https://sns.eu-west-1.amazonaws.com/x.pem\n",
    "https://sns.eu-west-1.amazonaws.com/x.pem\r\nHost: evil.test",
    "https://sns.eu-west-1.amazonaws.com/x.pem ",
    " https://sns.eu-west-1.amazonaws.com/x.pem",
    "https://sns.eu-west-1.amazonaws.com/ẍ.pem",
    "https://sns.eu-west-1.amazonaws。com/x.pem",
    "https://sns.eu-west-1.amazonaws.com/x.pem.exe",
    "https://sns.eu-west-1.amazonaws.com/xpem",
    "https://127.0.0.1/x.pem",
    "https://169.254.169.254/x.pem",
    "file:///x.pem",
    "//sns.eu-west-1.amazonaws.com/x.pem",
    "",
]


@pytest.mark.parametrize("url", [*NASTY, None, 7, ["https://"]])
def test_a_certificate_is_fetched_from_nowhere_but_sns(url: object) -> None:
    authenticity = asked("always")
    object.__setattr__(authenticity, "certificates", Certificates(refuse_to_fetch))
    assert verdict(authenticity, signed(notification(SigningCertURL=url))) == FORGED


def refuse_to_fetch(url: str) -> bytes:
    pytest.fail(f"fetched {url}")


@pytest.mark.parametrize(
    ("topic", "url"),
    [
        (TOPIC, URL),
        (
            "arn:aws-cn:sns:cn-north-1:111111111111:x",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-ab.pem",
        ),
        (
            "arn:aws-us-gov:sns:us-gov-west-1:111111111111:x",
            "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-ab.pem",
        ),
        (
            "arn:aws-eusc:sns:eusc-de-east-1:111111111111:x",
            "https://sns.eusc-de-east-1.amazonaws.eu/SimpleNotificationService-ab.pem",
        ),
    ],
)
def test_every_partition_has_its_own_address(topic: str, url: str) -> None:
    assert topic_of(topic).has_certificate_at(url)  # type: ignore[union-attr]
    envelope = signed(notification(TopicArn=topic, SigningCertURL=url))
    assert verdict(asked(topics=topic), envelope) is None


def test_the_domains_are_those_that_botocore_knows() -> None:
    known = create_loader().load_data("partitions")["partitions"]
    assert {each["id"]: each["outputs"]["dnsSuffix"] for each in known} == DOMAINS


def test_the_spelling_of_lambda_is_read_too() -> None:
    envelope = signed(notification())
    envelope["SigningCertUrl"] = envelope.pop("SigningCertURL")
    assert verdict(asked("always"), envelope) is None


@pytest.mark.parametrize(
    ("valid_from", "valid_until"), [(NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW + 2 * DAY)]
)
def test_a_certificate_must_have_been_valid_when_the_message_was_published(
    valid_from: datetime, valid_until: datetime
) -> None:
    pem = certificate(valid_from=valid_from, valid_until=valid_until)
    assert verdict(asked("always", pem=pem), signed(notification())) == FORGED


def test_a_certificate_may_have_run_out_while_the_message_waited() -> None:
    assert verdict(asked("always"), signed(notification()), NOW + 30 * DAY) is None


def test_a_time_that_cannot_be_read_is_refused() -> None:
    assert verdict(asked("always"), signed(notification(Timestamp="yesterday"))) == FORGED


def test_what_comes_too_late_is_refused_by_the_clocks_of_aws() -> None:
    authenticity = asked("always", sns_max_age_days=2)
    envelope = signed(notification())
    assert verdict(authenticity, envelope, NOW + 2 * DAY) is None
    late = NOW + 2 * DAY + timedelta(seconds=1)
    assert verdict(authenticity, envelope, late) == (Refusal.TOO_OLD, False)


def test_what_lay_on_the_queue_for_weeks_is_not_late() -> None:
    assert datetime.now(UTC) - NOW > 2 * DAY
    assert verdict(asked("always", sns_max_age_days=2), signed(notification()), NOW) is None


def test_the_same_key_of_somebody_else_is_found_out() -> None:
    pem = certificate(signer=key(2))
    assert verdict(asked("always", pem=pem), signed(notification())) == FORGED


# --- a simulator on this host

SIMULATOR = "http://127.0.0.1:4566"


def test_a_simulators_certificate_is_believed_on_the_simulator_only() -> None:
    envelope = signed(notification(SigningCertURL=f"{SIMULATOR}/x.pem"))
    assert verdict(asked("always", endpoint_url=SIMULATOR), envelope) is None
    assert verdict(asked("always", endpoint_url="http://127.0.0.1:4567"), envelope) == FORGED
    assert verdict(asked("always"), envelope) == FORGED


@pytest.mark.parametrize("url", ["@evil.test/x.pem", "0/x.pem", ".evil.test/x.pem", "/x.pem?"])
def test_a_simulators_address_leads_nowhere_else(url: str) -> None:
    assert not Home.of(QUEUE_ARN, SIMULATOR).has_certificate_at(SIMULATOR + url)


@pytest.mark.parametrize(
    "endpoint_url",
    [AWS, "http://10.0.0.7:4566", "http://127.0.0.1.evil.test", "http://x@127.0.0.1", ""],
)
def test_only_a_loopback_address_is_a_simulator(endpoint_url: str) -> None:
    assert Home.of(QUEUE_ARN, endpoint_url).simulator is None


# --- in a batch


def message(number: int, body: object) -> QueueMessage:
    written = body if isinstance(body, str) else json.dumps(body)
    return QueueMessage(f"id-{number}", f"receipt-{number}", written, NOW)


def test_what_needs_no_fetch_does_not_wait_for_what_does() -> None:
    authenticity = asked(topics=f"{TOPIC} {FOREIGN}")
    messages = [message(1, notification()), message(2, signed(notification(TopicArn=FOREIGN)))]
    batch = understand(messages, authenticity.admit)
    assert [each.message.id for each in batch.events] == ["id-1"]
    assert [each.id for each in batch.unproven] == ["id-2"]
    later = understand(batch.unproven, authenticity.admit_fetching)
    assert [each.message.id for each in later.events] == ["id-2"]
    assert understand(messages, authenticity.admit).unproven == []


def test_a_forged_message_is_refused_before_anybody_reads_what_it_says() -> None:
    forged = signed(notification()) | {"Message": "no JSON"}
    batch = understand([message(1, forged), message(2, "x")], asked("always").admit_fetching)
    assert [(each.refusal, each.may_be_ours) for each in batch.refused] == [
        FORGED,
        (Refusal.UNSIGNED, False),
    ]


def test_nonsense_under_a_good_signature_may_still_be_ours() -> None:
    envelope = signed(notification(Message="no JSON"))
    [refused] = understand([message(1, envelope)], asked("always").admit_fetching).refused
    assert (refused.refusal, refused.may_be_ours) == (Refusal.NOT_JSON, True)


def test_an_outage_neither_refuses_nor_believes() -> None:
    def away(_url: str) -> bytes:
        raise CertificateUnavailableError

    authenticity = asked("always")
    object.__setattr__(authenticity, "certificates", Certificates(away))
    batch = understand([message(1, signed(notification()))], authenticity.admit_fetching)
    assert (batch.events, batch.refused, len(batch.unproven)) == ([], [], 1)


# --- the settings


def test_topics_are_listed_with_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILSLUICE_SNS_TOPICS", f"{TOPIC},{FOREIGN} ,\n{SIBLING}")
    assert load_settings().sns_topics == (TOPIC, FOREIGN, SIBLING)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAILSLUICE_SNS_TOPICS", "ses-events"),
        ("MAILSLUICE_SNS_TOPICS", f"{TOPIC};{FOREIGN}"),
        ("MAILSLUICE_SNS_VERIFY", "sometimes"),
        ("MAILSLUICE_SNS_MAX_AGE_DAYS", "0.5"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable):
        load_settings()
