"""Bounces shut the stream that has them; the others go on, and an operator may open it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from db import gates
from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.processes import Process
    from sandbox.watch import Watch

SAMPLE = Path(__file__).parents[1] / "fixtures" / "events" / "bounce_permanent.json"
MAILED = 20
QUICK = {
    "MAILSLUICE_RECEIVE_WAIT_SECONDS": "1",
    "MAILSLUICE_REPUTATION_INTERVAL_SECONDS": "1",
    "MAILSLUICE_REPUTATION_MIN_RECIPIENTS": str(MAILED),
}


@pytest.fixture(scope="module")
def running(installation: Installation) -> dict[str, Process]:
    names = ("worker", "worker_bulk", "scheduler", "events")
    return {name: installation.start(name, **QUICK) for name in names}


def send(queue: Mailsluice, stream: str) -> str:
    message = Message(to="ada@example.org", subject="Hello", text="Hi", stream=stream)
    return str(queue.send(message))


def bounce(installation: Installation, ses_message_id: str | None) -> None:
    """SES tells, twice, that the message has bounced after all."""
    event: dict[str, Any] = json.loads(SAMPLE.read_text())
    event["mail"] |= {"messageId": ses_message_id, "destination": ["ada@example.org"], "tags": {}}
    event["bounce"]["feedbackId"] = f"bounce-{ses_message_id}"
    event["bounce"]["bouncedRecipients"][0]["emailAddress"] = "ada@example.org"
    url = installation.sqs.get_queue_url(QueueName="mailsluice-events")["QueueUrl"]
    for _ in range(2):
        installation.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))


def says(process: Process, words: str) -> list[dict[str, object]]:
    return [line for line in process.log_lines() if words in str(line.get("event"))]


def test_bounces_shut_their_stream_alone_until_an_operator_opens_it(
    installation: Installation, running: dict[str, Process], watch: Watch
) -> None:
    queue = Mailsluice(sqs_client=installation.sqs)
    mailed = [send(queue, "marketing") for _ in range(MAILED)]
    lives = [watch.reaches(each, "delivered", timeout_seconds=60) for each in mailed]
    for life in lives[:5]:
        bounce(installation, life.ses_message_id)
    until(
        lambda: (
            [(gate.scope, gate.reason) for gate in gates.all_shut(watch.engine)]
            == [("marketing", "reputation")]
        ),
        "the gate of marketing is shut, and no other",
    )
    until(lambda: says(running["worker_bulk"], "gates changed"), "the worker knows of the gate")

    # To others, for the address that has bounced is suppressed by now.
    waiting = queue.send(
        Message(to="bob@example.org", subject="News", text="Hi", stream="marketing")
    )
    reset = queue.send(
        Message(to="eve@example.org", subject="Reset", text="Hi", stream="transactional")
    )
    watch.reaches(reset, "delivered")
    assert watch.accepted(waiting) == []

    installation.run("resume", ["mailsluice", "resume", "marketing"])
    watch.reaches(waiting, "delivered")
    assert len(says(running["scheduler"], "too many bounces or complaints")) == 1
    assert gates.all_shut(watch.engine) == []
    [crossed] = [
        line
        for line in says(running["scheduler"], "has crossed a limit")
        if (line["scope"], line["standing"]) == ("marketing", "shut")
    ]
    assert (crossed["reports"], crossed["recipients"]) == (5, MAILED)


def test_no_address_is_in_any_log_or_metric(running: dict[str, Process]) -> None:
    for process in running.values():
        assert "@example.org" not in process.log_path.read_text() + process.metrics()
