"""Messages in hand stay invisible to others; what cannot be helped is let go."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from worker.transport.heartbeat import Heartbeat
from worker.transport.held import Held
from worker.transport.in_hand import InHand
from worker.transport.outbox import Outbox

if TYPE_CHECKING:
    from worker.transport import TransportOptions

QUEUE = "mail"
EXTEND = "change_message_visibility_batch"


class Beating:
    """A heartbeat with messages that are due."""

    def __init__(self, sqs: Any, options: TransportOptions) -> None:
        self.in_hand = InHand(extend_after_seconds=60)
        self.in_hand.open(QUEUE)
        self.outbox = Outbox(options, sqs)
        self.heartbeat = Heartbeat(options, sqs, self.in_hand, self.outbox)

    def hold(self, receipt: str, seconds: float) -> Held:
        held = Held(QUEUE, receipt, f"id-{receipt}", 1, 0.0)
        held.received_at -= seconds
        self.in_hand.take(QUEUE, 0, [held])
        return held


@pytest.fixture
def beating(sqs: Any, options: TransportOptions) -> Beating:
    return Beating(sqs, options)


def test_messages_held_for_half_their_timeout_are_extended_ten_to_a_call(
    sqs: Any, beating: Beating
) -> None:
    for number in range(12):
        beating.hold(str(number), seconds=70)
    beating.hold("young", seconds=50)
    beating.heartbeat.beat()
    batches = sqs.receipts(EXTEND)
    assert list(map(len, batches)) == [10, 2]
    assert "young" not in chain(*batches)
    _, first = sqs.calls[0]
    assert {entry["VisibilityTimeout"] for entry in first["Entries"]} == {120}


def test_an_extended_message_is_not_extended_again_at_once(sqs: Any, beating: Beating) -> None:
    beating.hold("1", seconds=70)
    beating.heartbeat.beat()
    beating.heartbeat.beat()
    assert len(sqs.calls) == 1


def test_a_call_that_fails_is_made_again_at_the_next_beat(sqs: Any, beating: Beating) -> None:
    beating.hold("1", seconds=70)
    sqs.script = [ReadTimeoutError(endpoint_url="http://sqs.test")]
    beating.heartbeat.beat()
    beating.heartbeat.beat()
    assert sqs.receipts(EXTEND) == [["1"], ["1"]]


def test_a_stale_receipt_is_not_asked_about_at_every_beat(sqs: Any, beating: Beating) -> None:
    beating.hold("stale", seconds=70)
    failed = {"Id": "0", "Code": "MessageNotInflight", "SenderFault": True}
    sqs.script = [{"Failed": [failed]}]
    beating.heartbeat.beat()
    beating.heartbeat.beat()
    assert len(sqs.calls) == 1


def test_a_message_settled_meanwhile_is_left_out(sqs: Any, beating: Beating) -> None:
    first = [beating.hold(f"a{number}", seconds=70) for number in range(10)]
    beating.hold("settled", seconds=70)
    sqs.script = [lambda: {"Failed": [] if beating.in_hand.remove("settled") else None}]
    beating.heartbeat.beat()
    assert sqs.receipts(EXTEND) == [[held.receipt for held in first]]


def test_a_message_given_back_during_the_call_is_given_back_again_after_it(
    sqs: Any, beating: Beating
) -> None:
    """Otherwise the heartbeat could hide it for a whole timeout after the task let it go."""
    held = beating.hold("1", seconds=70)

    def give_back() -> dict[str, Any]:
        beating.in_hand.remove("1")
        held.returned_with_seconds = 5
        return {}

    sqs.script = [give_back]
    beating.heartbeat.beat()
    beating.outbox.start()
    beating.outbox.close(timeout_seconds=5)
    _, last = sqs.calls[-1]
    assert [entry["VisibilityTimeout"] for entry in last["Entries"]] == [5]


def test_a_message_of_a_task_that_hangs_is_let_go_in_the_end(
    beating: Beating, caplog: pytest.LogCaptureFixture
) -> None:
    beating.hold("hanging", seconds=4000)
    beating.heartbeat.beat()
    assert beating.in_hand.get("hanging") is None
    assert "id-hanging" in caplog.text


def test_the_thread_beats_by_itself(sqs: Any) -> None:
    from worker.transport import TransportOptions  # noqa: PLC0415  built here with other values

    beating = Beating(sqs, TransportOptions(queues={QUEUE: "u"}, visibility_timeout_seconds=1))
    beating.hold("1", seconds=70)
    beating.heartbeat.start()
    sqs.wait_for_calls(1)
    beating.heartbeat.stop()
