"""Sends dead letters back to the queue that they come from.

A move task of SQS does it where all of them go; where some do, or where the service knows no such
tasks, each is received, sent and then deleted: killed in between, it is there twice, never lost.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from config.queues import depth_of
from mailsluice.wire import MAX_SQS_BYTES
from ops.dead_letters import WORK_SECONDS, Hand, told
from ops.queue_depths import url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import ListMessageMoveTasksResultEntryTypeDef

    from ops.dead_letter_queues import DeadLetterQueue
    from ops.dead_letters import DeadLetter

POLL_SECONDS = 1.0

RUNNING, COMPLETED = "running", "completed"
_UNDER_WAY = {"RUNNING", "CANCELLING"}
_UNSUPPORTED = {
    "AWS.SimpleQueueService.UnsupportedOperation",
    "InvalidAction",
    "NotImplemented",
    "UnknownOperationException",
    "UnsupportedOperation",
}


@dataclass
class Redriven:
    """What came of it. `moved` is None while SQS is at it; `problems` tells what was not moved."""

    status: str = COMPLETED
    moved: int | None = 0
    to_move: int | None = None
    problems: list[str] = field(default_factory=list)


def redrive(sqs: SQSClient, queue: DeadLetterQueue, *, most: int | None, wait: bool) -> Redriven:
    """Send the dead letters back, at most so many; None means all, by a task that SQS runs.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SQS did not do it.
    """
    url, source_url = url_of(sqs, queue.name), url_of(sqs, queue.source)
    if most is not None:
        return _by_hand(sqs, url, source_url, most)
    try:
        return _by_task(sqs, url, source_url, wait=wait)
    except ClientError as error:
        if not _knows_no_tasks(error):
            raise
        return _by_hand(sqs, url, source_url, None)


def _knows_no_tasks(error: ClientError) -> bool:
    """What merely resembles SQS may lack tasks, and then answers with no error code of SQS's."""
    code = error.response.get("Error", {}).get("Code", "")
    return code in _UNSUPPORTED or code.isdigit()


def _by_task(sqs: SQSClient, url: str, source_url: str, *, wait: bool) -> Redriven:
    arn = _arn(sqs, url)
    before, visible = _newest(sqs, arn), depth_of(sqs, url).visible
    # The destination is named, for SQS does not know where letters come from that others put here.
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=_arn(sqs, source_url))
    if not wait:
        return Redriven(RUNNING, moved=None, to_move=visible)
    task = _newest(sqs, arn)
    while task is None or _is_same(task, before) or task["Status"] in _UNDER_WAY:
        time.sleep(POLL_SECONDS)
        task = _newest(sqs, arn)
    done = Redriven(task["Status"].lower(), moved=task.get("ApproximateNumberOfMessagesMoved", 0))
    done.to_move = task.get("ApproximateNumberOfMessagesToMove")
    if done.status != COMPLETED:
        done.problems.append(
            f"the move task ended as {done.status}: {task.get('FailureReason', '')}"
        )
    return done


def _newest(sqs: SQSClient, arn: str) -> ListMessageMoveTasksResultEntryTypeDef | None:
    found = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1).get("Results", [])
    return found[0] if found else None


def _is_same(
    task: ListMessageMoveTasksResultEntryTypeDef,
    before: ListMessageMoveTasksResultEntryTypeDef | None,
) -> bool:
    """Whether SQS still shows the task before ours: only running ones have a handle to tell."""
    return before is not None and task.get("StartedTimestamp") == before.get("StartedTimestamp")


def _arn(sqs: SQSClient, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return found["Attributes"]["QueueArn"]


def _by_hand(sqs: SQSClient, url: str, source_url: str, most: int | None) -> Redriven:
    done, moved = Redriven(), 0
    with Hand(sqs, url, visibility_seconds=WORK_SECONDS) as hand:
        for batch in hand.batches(most):
            for letters in _fitting(batch):
                sent = _send(sqs, source_url, letters, done.problems)
                moved += len(sent)
                for why in hand.delete(sent).values():
                    done.problems.append(f"was moved, but lies here still: {why}")
    done.moved = moved
    return done


def _send(
    sqs: SQSClient, url: str, letters: Sequence[DeadLetter], problems: list[str]
) -> list[DeadLetter]:
    entries: Any = [_entry(str(index), letter) for index, letter in enumerate(letters)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    for each in answer.get("Failed", []):
        problems.append(f"was not moved: {told(each)}")  # noqa: PERF401  the caller's list
    return [letters[int(each["Id"])] for each in answer.get("Successful", [])]


def _entry(entry_id: str, letter: DeadLetter) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": entry_id, "MessageBody": letter.body}
    if letter.attributes:
        entry["MessageAttributes"] = letter.attributes
    if letter.group is not None:
        entry["MessageGroupId"] = letter.group
    return entry


def _fitting(batch: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """The letters in parts that SQS takes in one call: a single one may be as large as a batch."""
    part: list[DeadLetter] = []
    size_bytes = 0
    for letter in batch:
        letter_bytes = _size_bytes(letter)
        if part and size_bytes + letter_bytes > MAX_SQS_BYTES:
            yield part
            part, size_bytes = [], 0
        part.append(letter)
        size_bytes += letter_bytes
    if part:
        yield part


def _size_bytes(letter: DeadLetter) -> int:
    attributes = sum(
        len(name.encode())
        + len(value["DataType"].encode())
        + len(value.get("StringValue", "").encode())
        + len(value.get("BinaryValue", b""))
        for name, value in letter.attributes.items()
    )
    return len(letter.body.encode()) + attributes
