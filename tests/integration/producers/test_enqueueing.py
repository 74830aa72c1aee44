"""An application enqueues mail on SQS over HTTP, on good days and on bad ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mailsluice
from mailsluice import (
    Attachment,
    ConfigurationError,
    EnqueueError,
    EnqueueInterruptedError,
    Mailsluice,
    Message,
    QueueNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.control import Control

QUEUE = "mailsluice-transactional"


def a_message(**fields: Any) -> Message:
    return Message(**{"to": "ada@example.com", "subject": "Hello", "text": "…"} | fields)


def messages(count: int, **fields: Any) -> Iterator[Message]:
    return (a_message(to=f"user{number}@example.com", **fields) for number in range(count))


def jobs_on(control: Control, queue_name: str = QUEUE) -> list[dict[str, Any]]:
    return [mailsluice.decode(message["body"]).job for message in bodies_on(control, queue_name)]


def bodies_on(control: Control, queue_name: str) -> list[dict[str, Any]]:
    return control.queue(queue_name)["messages"]


def calls(control: Control, action: str) -> int:
    return sum(control.calls().get(f"sqs.{action}", {}).values())


def test_a_message_that_was_sent_lies_on_the_queue_of_its_stream(
    queue: Mailsluice, control: Control
) -> None:
    message = a_message(stream="marketing", attachments=[Attachment("ü.txt", b"\x00\xff")])
    assert queue.send(message) == message.id
    [job] = jobs_on(control, "mailsluice-marketing")
    assert mailsluice.parse_job(job) == message


def test_the_queue_url_is_looked_up_once(queue: Mailsluice, control: Control) -> None:
    for _ in range(3):
        queue.send(a_message())
    assert calls(control, "GetQueueUrl") == 1


def test_a_message_of_the_largest_size_passes(queue: Mailsluice, control: Control) -> None:
    empty = len(mailsluice.envelope(a_message(text="x"), QUEUE)) - 1
    queue.send(a_message(text="x" * (1_048_576 - empty)))
    assert len(bodies_on(control, QUEUE)) == 1


def test_a_stream_without_queue_is_told_with_what_to_do(queue: Mailsluice) -> None:
    with pytest.raises(QueueNotFoundError, match=r"no queue mailsluice-letters.*provision"):
        queue.send(a_message(stream="letters"))


def test_a_queue_that_appears_later_is_found(queue: Mailsluice, sqs: Any, control: Control) -> None:
    with pytest.raises(QueueNotFoundError):
        queue.send(a_message(stream="letters"))
    sqs.create_queue(QueueName="mailsluice-letters")
    queue.send(a_message(stream="letters"))
    assert len(jobs_on(control, "mailsluice-letters")) == 1


def test_a_queue_that_was_made_anew_is_found_again(
    queue: Mailsluice, sqs: Any, control: Control
) -> None:
    queue.send(a_message())
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"])
    with pytest.raises(QueueNotFoundError):
        queue.send(a_message())
    sqs.create_queue(QueueName=QUEUE)
    queue.send(a_message())
    assert len(jobs_on(control)) == 1


def test_a_moment_of_trouble_is_not_noticed(queue: Mailsluice, control: Control) -> None:
    control.fault("sqs", "SendMessage", "status", status=503, times=1)
    message = a_message()
    queue.send(message)
    assert [job["id"] for job in jobs_on(control)] == [str(message.id)]


def test_a_lost_answer_leads_to_the_same_message_twice_never_to_two_messages(
    queue: Mailsluice, control: Control
) -> None:
    control.fault("sqs", "SendMessage", "lose_answer", times=1)
    message = a_message()
    queue.send(message)
    assert {job["id"] for job in jobs_on(control)} == {str(message.id)}


def test_an_outage_is_told_in_a_sentence(queue: Mailsluice, control: Control) -> None:
    control.fault("sqs", "*", "status", status=500, code="InternalFailure")
    with pytest.raises(EnqueueError, match="SQS answered InternalFailure"):
        queue.send(a_message())


def test_refused_credentials_are_told_in_a_sentence(queue: Mailsluice, control: Control) -> None:
    control.fault("sqs", "*", "status", status=403, code="ExpiredToken")
    with pytest.raises(EnqueueError, match="credentials are wrong or have expired"):
        queue.send(a_message())


def test_missing_credentials_are_told_in_a_sentence(
    endpoint_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint_url)
    with Mailsluice.from_env() as queue, pytest.raises(EnqueueError, match="no AWS credentials"):
        queue.send(a_message())


def test_a_missing_region_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigurationError, match="Set AWS_REGION"):
        Mailsluice.from_env()


def test_a_prefix_that_cannot_begin_a_queue_name_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"queue prefix 'shop\.eu'"):
        Mailsluice(region="eu-west-1", queue_prefix="shop.eu")


def test_the_prefix_of_the_environment_is_used(
    sqs: Any, endpoint_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_QUEUE_PREFIX", "shop")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint_url)
    sqs.create_queue(QueueName="shop-transactional")
    with Mailsluice.from_env() as queue:
        queue.send(a_message())
    assert len(jobs_on(control, "shop-transactional")) == 1


def test_a_thousand_messages_go_in_ten_to_a_call(queue: Mailsluice, control: Control) -> None:
    report = queue.send_many(messages(1_000))
    assert report.complete
    assert sorted(map(str, report.queued)) == sorted(job["id"] for job in jobs_on(control))
    assert calls(control, "SendMessageBatch") == 100


def test_a_thousand_messages_survive_an_unreliable_sqs(queue: Mailsluice, control: Control) -> None:
    for kind in ("status", "cut", "lose_answer"):
        control.fault("sqs", "SendMessageBatch", kind, probability=0.1, seed=7)
    report = queue.send_many(messages(1_000), concurrency=8)
    assert report.complete
    assert report.taken == len(report.queued) == 1_000
    assert {job["id"] for job in jobs_on(control)} == {str(queued) for queued in report.queued}


def test_messages_of_a_tenant_form_their_own_group(queue: Mailsluice, sqs: Any) -> None:
    assert queue.send_many([a_message(tenant="customer-7"), a_message()]).complete
    queue.send(a_message(tenant="customer-8"))
    received = sqs.receive_message(
        QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"],
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["MessageGroupId"],
    )["Messages"]
    groups = {message.get("Attributes", {}).get("MessageGroupId") for message in received}
    assert groups == {None, "customer-7", "customer-8"}


def test_a_run_stops_when_the_queue_service_is_gone(queue: Mailsluice, control: Control) -> None:
    control.fault("sqs", "*", "status", status=403, code="InvalidClientTokenId")
    with pytest.raises(EnqueueInterruptedError) as error:
        queue.send_many(messages(5_000))
    report = error.value.report
    assert len(report.queued) == 0
    assert report.taken == len(report.failed) < 500


def test_the_plain_boto3_example_of_the_readme_is_a_message(
    sqs: Any, endpoint_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    readme = (Path(mailsluice.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(import json\n.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102  it is our own README that is tried
    names["sqs"].close()
    [body] = bodies_on(control, QUEUE)
    opened = mailsluice.decode(body["body"])
    assert opened.task == mailsluice.DELIVER
    assert opened.id == opened.job["id"]
    assert mailsluice.parse_job(opened.job).recipients() == ["ada@example.com"]


def test_the_sdk_examples_of_the_readme_run(
    queue: Mailsluice, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (Path(mailsluice.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(from mailsluice import .*?)```", readme, re.DOTALL)
    assert examples
    for example in examples:
        names: dict[str, Any] = {}
        exec(example, names)  # noqa: S102  it is our own README that is tried
        names["queue"].close()
    assert len(jobs_on(control)) + len(jobs_on(control, "mailsluice-marketing")) >= 4
