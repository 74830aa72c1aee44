"""What a batch of parked messages may hold: SQS takes ten of them, and one MiB together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailsluice import DELIVER, envelope_for
from mailsluice.wire import MAX_SQS_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from db.parking import DueMessage

BATCH_MESSAGES = 10


@dataclass(frozen=True)
class Parcel:
    """A message as it goes to SQS."""

    message: DueMessage
    body: str
    size_bytes: int


def pack(message: DueMessage, queue_name: str) -> Parcel | None:
    """The message in its envelope, or None when it is larger than SQS takes in any form.

    A job that came as raw UTF-8 may be too large only because its letters are escaped.
    """
    for ascii_only in (True, False):
        body = envelope_for(DELIVER, message.payload, message.id, queue_name, ascii_only=ascii_only)
        size_bytes = len(body) if ascii_only else len(body.encode())
        if size_bytes <= MAX_SQS_BYTES:
            return Parcel(message, body, size_bytes)
    return None


def batches(parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
    """Group parcels, in their order, into batches that SQS takes."""
    batch: list[Parcel] = []
    size_bytes = 0
    for parcel in parcels:
        if batch and (
            len(batch) == BATCH_MESSAGES or size_bytes + parcel.size_bytes > MAX_SQS_BYTES
        ):
            yield batch
            batch, size_bytes = [], 0
        batch.append(parcel)
        size_bytes += parcel.size_bytes
    if batch:
        yield batch
