"""A queue of events is named by name, URL or ARN, and each says what it can of where it is."""

from __future__ import annotations

import pytest

from config.errors import ConfigurationError
from config.event_queues import QueueReference, queue_reference
from config.settings import load_settings

ARN = "arn:aws:sqs:us-east-1:123456789012:ses-events"
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/ses-events"
OLD_URL = "https://eu-central-1.queue.amazonaws.com/123456789012/ses-events"
LOCAL_URL = "http://127.0.0.1:4566/000000000000/ses-events"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ses-events", QueueReference("ses-events")),
        (ARN, QueueReference("ses-events", "123456789012", "us-east-1")),
        (URL, QueueReference("ses-events", "123456789012", "eu-central-1", URL)),
        (OLD_URL, QueueReference("ses-events", "123456789012", "eu-central-1", OLD_URL)),
        (LOCAL_URL, QueueReference("ses-events", "000000000000", None, LOCAL_URL)),
    ],
)
def test_what_is_written_says_where_the_queue_is(written: str, meant: QueueReference) -> None:
    assert queue_reference(written) == meant


@pytest.mark.parametrize(
    "wrong", ["arn:aws:sns:eu-west-1:123456789012:topic", "https://example.com", "a b.fifo!"]
)
def test_what_is_no_queue_is_refused_with_an_example(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("MAILSLUICE_EVENTS_QUEUES", wrong)
    with pytest.raises(ConfigurationError, match=r"MAILSLUICE_EVENTS_QUEUES: .*arn:aws:sqs:"):
        load_settings()


def test_our_own_queue_is_always_among_them_and_each_is_there_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAILSLUICE_EVENTS_QUEUES", f"{ARN}, {ARN} mailsluice-events")
    assert load_settings().events_queue_names == ["mailsluice-events", ARN]


def test_the_one_queue_may_have_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILSLUICE_EVENTS_QUEUE", "ses")
    assert load_settings().events_queue_names == ["ses"]
