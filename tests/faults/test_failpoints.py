"""Processes die at every named place: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from config.failpoints import POINTS
from mailsluice import Mailsluice, Message
from sandbox.accounts import take_account
from sandbox.waiting import until

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.processes import Process
    from sandbox.watch import Watch

pytestmark = pytest.mark.usefixtures("_events_come_back_soon")

IN_A_WORKER = sorted(POINTS - {"in_sweep", "in_event_commit", "in_shutdown", "in_heartbeat"})
MESSAGES = 120


@pytest.mark.timeout(180)
@pytest.mark.parametrize("action", ["kill", "raise"])
def test_whatever_fails_wherever_each_message_is_accepted_exactly_once(
    installation: Installation, watch: Watch, short_times: dict[str, str], action: str
) -> None:
    before = len(installation.control.sends())
    queue = Mailsluice(sqs_client=installation.sqs)
    report = queue.send_many(
        Message(to=f"reader{number}@example.com", subject="Hello", text="Hi")
        for number in range(MESSAGES)
    )
    ids = {str(each) for each in report.queued}
    installation.control.ses(max_send_rate=200.0, latency_seconds=0.05)
    doomed = [
        installation.launch(
            "worker",
            ["mailsluice", "worker", "--concurrency", "4"],
            **short_times,
            MAILSLUICE_FAILPOINTS=f"{name}={action}@{2 + number % 3}",
        )
        for number, name in enumerate(IN_A_WORKER)
    ]
    doomed.append(start_doomed(installation, "scheduler", "in_sweep", action, short_times))
    doomed.append(start_doomed(installation, "events", "in_event_commit", action, short_times))
    if action == "kill":
        for process in doomed:
            assert process.wait(timeout_seconds=60) == -signal.SIGKILL
    healthy = [
        installation.launch(name, ["mailsluice", name], **short_times)
        for name in ("worker", "scheduler", "events")
    ]

    def everything_arrived() -> bool:
        account = take_account(watch.engine, ids, installation.control.sends())
        return account.states["delivered"] == MESSAGES

    until(everything_arrived, "every message is delivered", timeout_seconds=120)
    for process in [*doomed, *healthy]:
        process.stop()
    account = take_account(watch.engine, ids, installation.control.sends())
    assert (account.lost(ids), account.twice()) == ([], [])
    assert len(installation.control.sends()) - before == MESSAGES


def start_doomed(
    installation: Installation, name: str, point: str, action: str, short_times: dict[str, str]
) -> Process:
    return installation.launch(
        name, ["mailsluice", name], **short_times, MAILSLUICE_FAILPOINTS=f"{point}={action}@1"
    )
