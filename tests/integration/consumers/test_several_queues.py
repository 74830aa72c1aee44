"""One process drains the queues of several regions and accounts; silence must be that of all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from config import aws
from config.errors import ConfigurationError
from config.settings import load_settings
from consumers.queues import find_queue, find_queues
from db import unknowns
from db.messages import status
from db.watermarks import drained_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.aws.control import Control

ARN = "arn:aws:sqs:us-east-1:000000000000:by-arn"
DEAD_LETTERS = "arn:aws:sqs:eu-west-1:000000000000:by-arn"


@pytest.fixture
def urls(control: Control, settings_of_one: Settings) -> dict[str, str]:
    sqs = aws.sqs(settings_of_one)
    return {
        name: sqs.create_queue(QueueName=name)["QueueUrl"]
        for name in ("by-name", "by-url", "by-arn")
    }


@pytest.fixture
def settings_of_one(database_url: str) -> Settings:
    return load_settings(database_url=database_url)


@pytest.fixture
def settings(database_url: str, urls: dict[str, str]) -> Settings:
    """In place of those of one queue, for every fixture that asks for some."""
    return load_settings(
        database_url=database_url,
        receive_wait_seconds=1,
        sqs_counts_lag_seconds=1,
        events_queues=("by-name", urls["by-url"], ARN),
    )


def put(settings: Settings, url: str, body: str) -> None:
    aws.sqs(settings).send_message(QueueUrl=url, MessageBody=body)


def test_events_of_all_queues_are_applied_and_refusals_kept_under_their_queue(
    engine: Engine, drain: Any, urls: dict[str, str], send: Callable[[], Any]
) -> None:
    sent = {url: send() for url in urls.values()}
    for url, each in sent.items():
        put(drain.settings, url, json.dumps(each.in_sns("bounce_permanent")))
    put(drain.settings, urls["by-arn"], "no JSON at all")
    drain.start()
    for name in urls:
        drain.control.wait_for(f"queue_empty:{name}")
    drain.stop()
    found = [status(engine, each.message_id) for each in sent.values()]
    assert [each.state for each in found if each] == ["bounced"] * 3
    with engine.begin() as connection:
        kept = connection.exec_driver_sql("SELECT queue, body FROM refused_messages").all()
    assert [tuple(row) for row in kept] == [(ARN, "no JSON at all")]


def test_each_queue_has_a_watermark_of_its_own(
    engine: Engine, drain: Any, urls: dict[str, str], eventually: Callable[..., None]
) -> None:
    put(drain.settings, urls["by-name"], "held")
    aws.sqs(drain.settings).receive_message(QueueUrl=urls["by-name"], VisibilityTimeout=600)
    names = drain.settings.events_queue_names
    drain.start()
    free = [name for name in names if name != "by-name"]
    eventually(lambda: all(drained_until(engine, name) for name in free), 30)
    assert drained_until(engine, "by-name") is None


def test_a_queue_is_asked_in_its_own_region(settings: Settings, mailbox: Any) -> None:
    regions = [queue._client.meta.region_name for queue in find_queues(settings)]
    assert regions == ["eu-west-1", "eu-west-1", "eu-west-1", "us-east-1"]


def test_an_installation_without_queues_proves_nothing(engine: Engine) -> None:
    with pytest.raises(ValueError, match="there must be a queue"):
        unknowns.resend_proven(engine, events_queues=[])


def test_a_dead_letter_queue_that_is_attached_later_is_watched_at_once(
    control: Control, settings: Settings, urls: dict[str, str]
) -> None:
    sqs = aws.sqs(settings)
    queue = find_queue(settings, "by-name")
    assert queue.holds_nothing()
    policy = {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": "10"}
    sqs.set_queue_attributes(
        QueueUrl=urls["by-name"], Attributes={"RedrivePolicy": json.dumps(policy)}
    )
    assert queue.holds_nothing()
    put(settings, urls["by-arn"], "a dead letter")
    asked = control.calls()["sqs.GetQueueUrl"]
    assert not queue.holds_nothing()
    assert not queue.holds_nothing()
    assert control.calls()["sqs.GetQueueUrl"] == asked
    sqs.set_queue_attributes(QueueUrl=urls["by-name"], Attributes={"RedrivePolicy": ""})
    assert queue.holds_nothing()
    queue.close()


def test_a_dead_letter_queue_that_cannot_be_found_proves_nothing(
    settings: Settings, urls: dict[str, str]
) -> None:
    queue = find_queue(settings, "by-name")
    policy = {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": "10"}
    sqs = aws.sqs(settings)
    sqs.set_queue_attributes(
        QueueUrl=urls["by-name"], Attributes={"RedrivePolicy": json.dumps(policy)}
    )
    sqs.delete_queue(QueueUrl=urls["by-arn"])
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            queue.holds_nothing()
    queue.close()
