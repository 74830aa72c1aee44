"""Trouble with the account stops the sending of all processes, and its end starts it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from db import gates
from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from sandbox.installation import Installation
    from sandbox.watch import Watch

WAITING = 40
QUICK = {
    "MAILSLUICE_RECEIVE_WAIT_SECONDS": "1",
    "MAILSLUICE_HALT_SECONDS": "2",
    "MAILSLUICE_ACCOUNT_POLL_SECONDS": "2",
    "MAILSLUICE_CONCURRENCY": "4",
}
TROUBLES = {
    "credentials": {"status": 403, "code": "ExpiredTokenException", "message": "expired"},
    "configuration_set": {"status": 400, "code": "ConfigurationSetSendingPausedException"},
}


@pytest.fixture(scope="module")
def running(installation: Installation) -> Installation:
    for name in ("worker", "worker", "scheduler"):
        installation.start(name, **QUICK)
    return installation


def posts(running: Installation) -> int:
    return sum(running.control.calls().get("ses.SendEmail", {}).values())


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_few_calls_reach_ses_while_it_refuses_and_all_mail_goes_afterwards(
    running: Installation, watch: Watch, trouble: dict[str, object]
) -> None:
    before = posts(running)
    running.control.fault("ses", "SendEmail", "status", **trouble)
    queue = Mailsluice(sqs_client=running.sqs)
    ids = [
        queue.send(Message(to="ada@example.com", subject="Hello", text="Hi"))
        for _ in range(WAITING)
    ]
    # Three refused probes: the trouble lasts for a while.
    until(lambda: posts(running) >= before + 3, "SES was tried again", timeout_seconds=30)
    assert gates.all_shut(watch.engine)
    in_flight = 2 * 4
    assert posts(running) - before <= in_flight + 5
    running.control.clear_faults()
    for each in ids:
        watch.reaches(each, "sent", "delivered", timeout_seconds=60)
        assert len(watch.accepted(each)) == 1
    assert gates.all_shut(watch.engine) == []
