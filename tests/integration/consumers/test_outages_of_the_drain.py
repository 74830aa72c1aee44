"""However the queue fails, the loop goes on by itself; nothing is lost or counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from sandbox.aws.control import Control

FAULTS = {
    "an answer of 500": {"kind": "status", "status": 500},
    "an answer of 503": {"kind": "status", "status": 503, "code": "ServiceUnavailable"},
    "an answer of 400": {"kind": "status", "status": 400, "code": "RequestThrottled"},
    "an answer of 403": {"kind": "status", "status": 403, "code": "AccessDenied"},
    "a cut connection": {"kind": "cut"},
    "a call that hangs": {"kind": "hang"},
    "an answer that is lost": {"kind": "lose_answer"},
    "an error after it was done": {"kind": "error_after", "status": 500},
}


def recorded(engine: Engine) -> tuple[int, int]:
    """How many events, and how many bounces, are in the database."""
    counts = "SELECT (SELECT count(*) FROM email_events), (SELECT count(*) FROM email_bounces)"
    with engine.connect() as connection:
        events, bounces = connection.execute(text(counts)).one()
        return events, bounces


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failing_queue_is_waited_out(
    engine: Engine, drain: Any, send: Callable[[], Any], *, fault: dict[str, Any]
) -> None:
    drain.mailbox.put(send().in_sns("bounce_permanent") for _ in range(12))
    for action in ("ReceiveMessage", "DeleteMessageBatch"):
        drain.control.fault("sqs", action, times=1, **fault)
    drain.start().until_empty().stop()
    assert recorded(engine) == (12, 12)
    assert drain.count("events_total", kind="bounce") == 12
    for stage in ("receive", "delete"):
        assert drain.count("event_loop_errors_total", stage=stage) == 1


def test_a_queue_that_fails_all_the_time_keeps_the_process_well_but_idle(
    control: Control, mailbox: Any, drain: Any, send: Callable[[], Any]
) -> None:
    mailbox.put([send().in_sns("bounce_permanent")])
    control.fault("sqs", "ReceiveMessage", "status", status=500)
    drain.start()
    control.wait_for("calls:sqs.ReceiveMessage", 4)
    assert drain.progress.silent() == {}
    control.clear_faults()
    drain.until_empty()


def test_a_queue_that_cannot_be_measured_is_drained_all_the_same(
    control: Control, mailbox: Any, drain: Any, send: Callable[[], Any]
) -> None:
    drain.start()
    control.fault("sqs", "GetQueueAttributes", "status", status=403, code="AccessDenied")
    control.wait_for("calls:sqs.GetQueueAttributes", 4)
    mailbox.put([send().in_sns("bounce_permanent")])
    drain.until_empty().stop()
    assert drain.count("events_total", kind="bounce") == 1
