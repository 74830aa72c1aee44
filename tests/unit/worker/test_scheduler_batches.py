"""How parked messages are packed for SQS: by the byte, and in their order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from config.failures import error_name
from db.parking import DueMessage
from mailsluice import decode
from mailsluice.wire import MAX_SQS_BYTES
from worker.scheduler.batches import Parcel, batches, pack

QUEUE = "mailsluice-transactional"
FIXED_ID = UUID(int=1)


def due(payload: dict[str, Any], message_id: UUID = FIXED_ID) -> DueMessage:
    return DueMessage(message_id, "transactional", payload, datetime.now(UTC))


def packed(letter: str, count: int) -> Parcel | None:
    return pack(due({"text": letter * count}), QUEUE)


def overhead_bytes() -> int:
    empty = packed("x", 0)
    assert empty is not None
    return empty.size_bytes


def test_a_job_is_ascii_while_it_fits_so() -> None:
    parcel = packed("ж", 100)
    assert parcel is not None
    assert parcel.body.isascii()
    assert parcel.size_bytes == len(parcel.body)


def test_a_job_that_fits_only_as_raw_utf_8_is_raw_and_counted_in_bytes() -> None:
    parcel = packed("ж", 250_000)
    assert parcel is not None
    assert parcel.size_bytes == len(parcel.body.encode()) == overhead_bytes() + 500_000
    assert decode(parcel.body).job == {"text": "ж" * 250_000}


@pytest.mark.parametrize(("letter", "bytes_each"), [("x", 1), ("ж", 2)])
def test_the_last_byte_decides_whether_a_job_fits(letter: str, bytes_each: int) -> None:
    most = (MAX_SQS_BYTES - overhead_bytes()) // bytes_each
    assert packed(letter, most) is not None
    assert packed(letter, most + 1) is None


def parcels(*sizes: int) -> list[Parcel]:
    return [Parcel(due({}, uuid4()), "", size) for size in sizes]


def sizes(*given: int) -> list[list[int]]:
    return [[each.size_bytes for each in batch] for batch in batches(parcels(*given))]


def test_a_batch_holds_ten_at_most() -> None:
    assert [len(batch) for batch in sizes(*[1] * 25)] == [10, 10, 5]


def test_a_batch_is_as_large_as_one_message_may_be_and_no_byte_more() -> None:
    half = MAX_SQS_BYTES // 2
    assert sizes(half, half, 1) == [[half, half], [1]]
    assert sizes(half, half + 1) == [[half], [half + 1]]
    assert sizes(MAX_SQS_BYTES, MAX_SQS_BYTES) == [[MAX_SQS_BYTES], [MAX_SQS_BYTES]]


def test_nothing_is_no_batch() -> None:
    assert sizes() == []


def test_a_failure_is_named_without_its_text() -> None:
    assert error_name(ValueError("ada@example.com")) == "ValueError"
