"""A worker is killed at the worst moment: nothing is lost, nothing is sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.watch import Watch

pytestmark = pytest.mark.usefixtures("_events_come_back_soon")

HELD = 5


@pytest.fixture(scope="module")
def installation_with_events(
    installation: Installation, short_times: dict[str, str]
) -> Installation:
    installation.start("scheduler", **short_times)
    installation.start("events", **short_times)
    return installation


def test_killed_while_ses_holds_the_answer_each_message_is_accepted_once(
    installation_with_events: Installation, watch: Watch, short_times: dict[str, str]
) -> None:
    running = installation_with_events
    control = running.control
    control.fault("ses", "SendEmail", "slow", seconds=20.0)
    first = running.start("worker", **short_times)
    queue = Mailsluice(sqs_client=running.sqs)
    report = queue.send_many(
        Message(to=f"reader{number}@example.com", subject="Hello", text="Hi")
        for number in range(HELD)
    )
    control.wait_for("sends", HELD)
    first.kill()
    control.clear_faults()
    running.start("worker", **short_times)
    for message_id in report.queued:
        watch.reaches(message_id, "delivered", timeout_seconds=60)
    # The killed worker's messages come back once their visibility ends; only then is it shown
    # that they are not sent again.
    until(
        lambda: running.control.queue("mailsluice-transactional")["in_flight"] == 0,
        "every copy on SQS has come back and gone",
        timeout_seconds=60,
    )
    assert [len(watch.accepted(message_id)) for message_id in report.queued] == [1] * HELD


def test_killed_before_ses_took_it_a_message_is_sent_once_its_absence_is_proved(
    installation_with_events: Installation, watch: Watch, short_times: dict[str, str]
) -> None:
    running = installation_with_events
    for process in running.processes:
        if process.name == "worker" and process.is_running:
            process.stop()
    control = running.control
    control.fault("ses", "SendEmail", "hang")
    worker = running.start("worker", **short_times)
    posts = control.wait_for("started:ses.SendEmail", 0)
    message_id = Mailsluice(sqs_client=running.sqs).send(
        Message(to="ada@example.com", subject="Hello", text="Hi")
    )
    control.wait_for("started:ses.SendEmail", posts + 1)
    worker.kill()
    control.clear_faults()
    running.start("worker", **short_times)
    found = watch.reaches(message_id, "unknown", timeout_seconds=60)
    assert found.outcome_code == "LeaseExpired"
    assert watch.accepted(message_id) == []
    watch.reaches(message_id, "delivered", timeout_seconds=60)
    assert len(watch.accepted(message_id)) == 1
