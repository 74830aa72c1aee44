"""One limit, a part for each queue; a message is in hand until it is settled."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.transport.held import Held, Stage
from worker.transport.in_hand import InHand


@pytest.fixture
def in_hand() -> InHand:
    made = InHand(extend_after_seconds=60)
    made.limit = 8
    made.open("mail")
    return made


def held(receipt: str, queue: str = "mail", **fields: float) -> Held:
    return Held(queue, receipt, f"id-{receipt}", 1, 0.0, **fields)


def test_no_more_is_reserved_than_the_limit_allows_over_all_queues(in_hand: InHand) -> None:
    in_hand.open("other")
    assert in_hand.reserve("mail", 5) == 4
    assert in_hand.reserve("other", 5) == 4
    assert in_hand.free == 0


def test_a_queue_that_fills_its_part_leaves_the_others_theirs(in_hand: InHand) -> None:
    in_hand.open("urgent")
    in_hand.take("mail", in_hand.reserve("mail", 10), [held(str(n)) for n in range(4)])
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(in_hand.reserve, "mail", 1)
        assert in_hand.reserve("urgent", 3) == 3
        assert not waiting.done()
        in_hand.remove("0")
        assert waiting.result(timeout=5) == 1


def test_the_queue_that_opens_first_leaves_those_that_come_their_parts() -> None:
    in_hand = InHand(60, ["mail", "other"])
    in_hand.limit = 8
    in_hand.open("mail")
    assert in_hand.reserve("mail", 8) == 4
    in_hand.open("other")
    assert in_hand.reserve("other", 8) == 4


def test_a_queue_that_is_consumed_no_more_leaves_its_part_to_the_others(in_hand: InHand) -> None:
    in_hand.open("other")
    in_hand.close("other")
    assert in_hand.reserve("mail", 10) == 8


def test_room_that_a_receive_did_not_fill_is_free_again(in_hand: InHand) -> None:
    assert in_hand.reserve("mail", 8) == 8
    assert in_hand.take("mail", 8, [held("a"), held("b")])
    assert in_hand.free == 6


def test_a_receiver_waits_until_a_message_is_settled(in_hand: InHand) -> None:
    in_hand.take("mail", in_hand.reserve("mail", 8), [held(str(n)) for n in range(8)])
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(in_hand.reserve, "mail", 1)
        assert not waiting.done()
        in_hand.remove("3")
        assert waiting.result(timeout=5) == 1


def test_a_receiver_that_waits_for_room_lets_go_when_its_queue_is_closed(in_hand: InHand) -> None:
    in_hand.reserve("mail", 8)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(in_hand.reserve, "mail", 4)
        in_hand.close("mail")
        assert waiting.result(timeout=5) == 0


def test_a_higher_limit_lets_a_waiting_receiver_go_on(in_hand: InHand) -> None:
    in_hand.reserve("mail", 8)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(in_hand.reserve, "mail", 1)
        in_hand.limit = 9
        assert waiting.result(timeout=5) == 1


def test_a_limit_of_nought_means_many_but_not_endless(in_hand: InHand) -> None:
    in_hand.limit = 0
    assert in_hand.reserve("mail", 10) == 10
    assert in_hand.free < 10_000


def test_the_limit_holds_while_many_threads_receive_and_settle(in_hand: InHand) -> None:
    chance = random.Random(7)  # noqa: S311  not for secrets
    least_free = []

    def receive(thread: int) -> None:
        for turn in range(60):
            count = in_hand.reserve("mail", chance.randint(1, 10))
            came = [held(f"{thread}-{turn}-{n}") for n in range(chance.randint(0, count))]
            in_hand.take("mail", count, came)
            with in_hand._lock:
                least_free.append(in_hand.free)
            for message in came:
                in_hand.remove(message.receipt)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(receive, range(8)))
    assert min(least_free) == 0, "the limit was reached, and not exceeded"
    assert in_hand.free == 8


def test_nothing_is_taken_of_a_queue_that_is_closed(in_hand: InHand) -> None:
    room = in_hand.reserve("mail", 4)
    in_hand.close("mail")
    assert not in_hand.take("mail", room, [held("a")])
    assert in_hand.free == 8


def test_closing_recalls_what_has_not_started_and_only_that(in_hand: InHand) -> None:
    messages = [held(name) for name in ("arrived", "handed", "waiting", "started")]
    in_hand.take("mail", in_hand.reserve("mail", 4), messages)
    in_hand.take("mail", 0, [held("elsewhere", queue="other")])
    messages[1].stage, messages[2].stage = Stage.HANDED, Stage.WAITING
    assert in_hand.begin("started")
    assert {message.receipt for message in in_hand.close("mail")} == {"arrived", "waiting"}
    assert not in_hand.begin("waiting"), "a recalled message's task must not start"
    assert {message.receipt for message in in_hand.remove_unfinished()} >= {"handed"}
    assert in_hand.get("started") is not None


def test_a_task_starts_or_its_message_is_recalled_but_never_both(in_hand: InHand) -> None:
    for round_number in range(200):
        in_hand.open("mail")
        message = held(str(round_number))
        in_hand.take("mail", in_hand.reserve("mail", 1), [message])
        message.stage = Stage.WAITING
        with ThreadPoolExecutor(2) as threads:
            started = threads.submit(in_hand.begin, message.receipt)
            recalled = threads.submit(in_hand.close, "mail")
        assert started.result() != (message in recalled.result())
        in_hand.remove(message.receipt)


def test_a_task_whose_message_was_recalled_does_not_start(in_hand: InHand) -> None:
    in_hand.open("mail")
    message = held("r1")
    in_hand.take("mail", in_hand.reserve("mail", 1), [message])
    assert in_hand.close("mail") == [message]
    assert not in_hand.begin("r1")


def test_a_message_is_due_for_its_heartbeat_after_half_its_timeout() -> None:
    in_hand = InHand(extend_after_seconds=60)
    in_hand.open("mail")
    young, old = held("young"), held("old")
    old.received_at -= 61
    in_hand.take("mail", 0, [young, old])
    assert in_hand.to_extend() == [old]
    in_hand.extended([old], asked_at=old.received_at + 61)
    assert in_hand.to_extend() == []


def test_what_is_held_for_too_long_is_let_go(in_hand: InHand) -> None:
    young, old = held("young"), held("old")
    old.received_at -= 1000
    in_hand.take("mail", in_hand.reserve("mail", 2), [young, old])
    assert in_hand.remove_older_than(900) == [old]
    assert in_hand.free == 7
