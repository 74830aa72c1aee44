"""Batches of up to ten entries: refused as a whole, or answered entry by entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.aws.sqs import bodies, messages
from sandbox.aws.sqs.attributes import MAX_MESSAGE_BYTES
from sandbox.aws.sqs.errors import SqsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.sqs.queue import Queue

Json = dict[str, Any]

_MAX_ENTRIES = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def send(queue: Queue, params: Json) -> Json:
    """SendMessageBatch.

    Raises:
        SqsError: The batch as a whole is refused.
    """
    entries = _entries(params)
    size = sum(_size_of(entry) for entry in entries)
    if size > MAX_MESSAGE_BYTES:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. You have sent "
            f"{size} bytes.",
        )
    answer = _each(entries, lambda entry: messages.send(queue, entry))
    queue.settle()
    return answer


def delete(queue: Queue, params: Json) -> Json:
    """DeleteMessageBatch.

    Raises:
        SqsError: The batch as a whole is refused.
    """
    return _each(_entries(params), lambda entry: messages.delete(queue, entry))


def change_visibility(queue: Queue, params: Json) -> Json:
    """ChangeMessageVisibilityBatch.

    Raises:
        SqsError: The batch as a whole is refused.
    """
    return _each(_entries(params), lambda entry: messages.change_visibility(queue, entry))


def _each(entries: list[Json], do: Callable[[Json], Json | None]) -> Json:
    successful: list[Json] = []
    failed: list[Json] = []
    for entry in entries:
        try:
            result = do(entry) or {}
        except SqsError as error:
            failed.append(
                {
                    "Id": entry["Id"],
                    "SenderFault": True,
                    "Code": error.query_code,
                    "Message": error.message,
                }
            )
        else:
            successful.append({"Id": entry["Id"], **result})
    answer: Json = {"Successful": successful}
    if failed:
        answer["Failed"] = failed
    return answer


def _entries(params: Json) -> list[Json]:
    entries: list[Json] = params.get("Entries") or []
    if not entries:
        raise SqsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > _MAX_ENTRIES:
        raise SqsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_MAX_ENTRIES}. You have sent "
            f"{len(entries)}.",
        )
    ids = [str(entry.get("Id", "")) for entry in entries]
    if not all(map(_ENTRY_ID.fullmatch, ids)):
        raise SqsError(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )
    if len(set(ids)) < len(ids):
        twice = next(entry_id for entry_id in ids if ids.count(entry_id) > 1)
        raise SqsError("BatchEntryIdsNotDistinct", f"Id {twice} repeated.")
    return entries


def _size_of(entry: Json) -> int:
    body, attributes = str(entry.get("MessageBody", "")), entry.get("MessageAttributes") or {}
    try:
        return bodies.size_bytes(body, attributes)
    except (KeyError, ValueError):  # unfit attributes fail their own entry, later
        return len(body)
