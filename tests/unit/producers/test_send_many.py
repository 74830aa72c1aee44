"""Enqueueing any number of messages: all of them are accounted for, whatever happens."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest

import mailsluice
from mailsluice import EnqueueInterruptedError, Mailsluice, Message, Report
from mailsluice.batches import LINGER_SECONDS, Batcher, Entry
from mailsluice.report import IdList

if TYPE_CHECKING:
    from collections.abc import Iterator


def messages(count: int, **fields: Any) -> Iterator[Message]:
    for number in range(count):
        yield Message(to=f"user{number}@example.com", subject="Hello", text="…", **fields)


def ids_on_queue(sqs: Any) -> list[str]:
    return sorted(mailsluice.decode(entry["MessageBody"]).id for entry in sqs.kept)


def assert_accounted(report: Report, sqs: Any, taken: int) -> None:
    assert report.taken == taken
    assert len(report.queued) + len(report.failed) == taken
    assert sorted(str(message_id) for message_id in report.queued) == ids_on_queue(sqs)


def test_all_messages_reach_the_queue_ten_to_a_call(sqs: Any) -> None:
    report = Mailsluice(sqs_client=sqs).send_many(messages(1_005))
    assert report.complete
    assert_accounted(report, sqs, 1_005)
    assert len(sqs.calls) == 101


def test_nothing_to_send_is_nothing_done(sqs: Any) -> None:
    report = Mailsluice(sqs_client=sqs).send_many([])
    assert (report.taken, len(report.queued), report.complete) == (0, 0, True)
    assert sqs.calls == []


def test_each_stream_goes_to_its_own_queue(sqs: Any) -> None:
    mixed = itertools.chain(messages(13), messages(7, stream="marketing"))
    Mailsluice(sqs_client=sqs, queue_prefix="shop").send_many(mixed)
    sent_to = {url.rsplit("/", 1)[1] for url, _ in sqs.calls}
    assert sent_to == {"shop-transactional", "shop-marketing"}
    for url, entries in sqs.calls:
        for entry in entries:
            job = mailsluice.decode(entry["MessageBody"]).job
            assert url.endswith(job["stream"])


def test_a_mapping_that_is_no_valid_message_is_reported_and_the_rest_goes_on(sqs: Any) -> None:
    good = {"to": "ada@example.com", "subject": "Hello", "text": "…"}
    items: list[Any] = [good, {**good, "to": "ada@"}, {**good, "colour": "red"}, 7, {1: 2}, good]
    report = Mailsluice(sqs_client=sqs).send_many(items)
    assert_accounted(report, sqs, 6)
    assert [failure.index for failure in report.failed] == [1, 2, 3, 4]
    assert all(failure.id is None for failure in report.failed)
    assert "nothing follows the @" in report.failed[0].reason
    assert "colour: is not a field" in report.failed[1].reason
    assert "not int" in report.failed[2].reason


def test_a_message_that_is_too_large_is_reported_with_its_id(sqs: Any) -> None:
    large = Message(to="ada@example.com", subject="Hello", text="x" * 1_100_000)
    report = Mailsluice(sqs_client=sqs).send_many([*messages(3), large, *messages(3)])
    assert_accounted(report, sqs, 7)
    assert [(failure.index, failure.id) for failure in report.failed] == [(3, large.id)]


def test_large_messages_make_smaller_batches(sqs: Any) -> None:
    report = Mailsluice(sqs_client=sqs).send_many(
        Message(to="ada@example.com", subject="Hello", text="x" * 300_000) for _ in range(7)
    )
    assert report.complete
    sizes = [sum(len(entry["MessageBody"]) for entry in entries) for _, entries in sqs.calls]
    assert max(sizes) <= 1_048_576
    assert sorted(len(entries) for _, entries in sqs.calls) == [1, 3, 3]


def test_a_stream_without_queue_fails_alone_and_is_asked_for_once(sqs: Any) -> None:
    sqs.missing.add("mailsluice-marketing")
    alternating = itertools.chain.from_iterable(
        zip(messages(300), messages(300, stream="marketing"), strict=True)
    )
    report = Mailsluice(sqs_client=sqs).send_many(alternating, concurrency=1)
    assert_accounted(report, sqs, 600)
    assert len(report.queued) == 300
    assert {failure.index % 2 for failure in report.failed} == {1}
    assert "no queue mailsluice-marketing" in report.failed[0].reason
    # Those already on their way when the answer came may ask once more.
    assert sqs.lookups.count("mailsluice-marketing") <= 3


def test_when_nothing_passes_the_run_stops_and_tells_where(sqs: Any) -> None:
    sqs.answers = [None] * 20 + [sqs.error("ExpiredToken", 403)] * 1_000
    source = messages(10_000)
    with pytest.raises(EnqueueInterruptedError, match="credentials") as error:
        Mailsluice(sqs_client=sqs).send_many(source)
    report = error.value.report
    assert_accounted(report, sqs, report.taken)
    assert len(report.queued) == 200
    assert report.taken < 500
    assert len(list(source)) == 10_000 - report.taken


def test_when_the_iterable_breaks_what_was_taken_is_queued_and_told(sqs: Any) -> None:
    def breaking() -> Iterator[Message]:
        yield from messages(25)
        raise OSError("the file ends here")

    with pytest.raises(EnqueueInterruptedError, match="OSError") as error:
        Mailsluice(sqs_client=sqs).send_many(breaking())
    assert isinstance(error.value.__cause__, OSError)
    assert_accounted(error.value.report, sqs, 25)
    assert len(error.value.report.queued) == 25


def test_messages_are_taken_only_as_there_is_room_for_them(sqs: Any) -> None:
    blocked, free = threading.Event(), threading.Event()
    taken = itertools.count()
    seen: list[int] = []

    def hold(entries: list[Any]) -> list[Any]:
        blocked.set()
        assert free.wait(10)
        return []

    def counted() -> Iterator[Message]:
        for message in messages(1_000):
            seen.append(next(taken))
            yield message

    sqs.answers = [hold]
    result: list[Report] = []
    client = Mailsluice(sqs_client=sqs)
    run = threading.Thread(target=lambda: result.append(client.send_many(counted(), concurrency=1)))
    run.start()
    assert blocked.wait(10)
    assert len(seen) <= 30
    free.set()
    run.join(10)
    assert result[0].complete
    assert len(seen) == 1_000


def test_one_client_serves_many_threads(sqs: Any) -> None:
    client = Mailsluice(sqs_client=sqs)
    reports: list[Report] = []
    threads = [
        threading.Thread(target=lambda: reports.append(client.send_many(messages(95))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(report.queued) for report in reports) == len(set(ids_on_queue(sqs))) == 760
    assert sqs.lookups == ["mailsluice-transactional"]


def test_a_rare_stream_does_not_wait_for_the_end_of_a_long_run() -> None:
    now = [0.0]
    batcher = Batcher(clock=lambda: now[0])
    [rare] = messages(1)
    batcher.add("mailsluice-rare", Entry(0, rare.id, "body", None))
    assert batcher.overdue() == []
    now[0] = LINGER_SECONDS
    assert [batch.queue_name for batch in batcher.overdue()] == ["mailsluice-rare"]
    assert batcher.rest() == []


def test_ids_of_a_report_read_like_a_list() -> None:
    expected = [message.id for message in messages(5)]
    ids = IdList()
    for message_id in expected:
        ids.append(message_id)
    assert list(ids) == expected
    assert (ids[0], ids[-1], ids[1:3]) == (expected[0], expected[-1], expected[1:3])
    assert expected[2] in ids
    with pytest.raises(IndexError):
        ids[5]
