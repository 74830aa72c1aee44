"""What becomes of a batch when SQS takes only part of it, or none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from mailsluice.batches import Batch, Entry
from mailsluice.failures import SCOPES, Scope, cause_of
from mailsluice.posting import ROUNDS, Outcome, Poster
from mailsluice.queues import Queues

QUEUE = "mailsluice-transactional"
ENDPOINT = "http://sqs.test"


def a_batch(count: int = 10) -> Batch:
    batch = Batch(QUEUE, since=0.0)
    for index in range(count):
        batch.add(Entry(index, uuid4(), f"body {index}", None))
    return batch


def post(sqs: Any, batch: Batch | None = None) -> tuple[Outcome, list[float]]:
    pauses: list[float] = []
    outcome = Poster(sqs, Queues(sqs), sleep=pauses.append).post(batch or a_batch())
    return outcome, pauses


def indexes(outcome: Outcome) -> tuple[list[int], list[int]]:
    queued = sorted(entry.index for entry in outcome.queued)
    return queued, sorted(entry.index for entry, _ in outcome.failed)


def test_a_batch_that_passes_takes_one_call(sqs: Any) -> None:
    outcome, pauses = post(sqs)
    assert indexes(outcome) == (list(range(10)), [])
    assert len(sqs.calls) == 1
    assert pauses == []


def test_entries_that_sqs_failed_to_take_are_sent_again_without_the_others(sqs: Any) -> None:
    sqs.answers = [sqs.refusing("body 3", sender_fault=False)]
    outcome, pauses = post(sqs)
    assert indexes(outcome) == (list(range(10)), [])
    assert [entry["MessageBody"] for entry in sqs.calls[1][1]] == ["body 3"]
    assert len(pauses) == 1


def test_an_entry_that_is_at_fault_itself_is_not_tried_again(sqs: Any) -> None:
    sqs.answers = [sqs.refusing("body 3", sender_fault=True)]
    outcome, _ = post(sqs)
    assert indexes(outcome) == ([0, 1, 2, 4, 5, 6, 7, 8, 9], [3])
    assert "Refused" in outcome.failed[0][1]
    assert len(sqs.calls) == 1


def test_an_entry_that_never_passes_fails_alone(sqs: Any) -> None:
    sqs.answers = [sqs.refusing("body 3", sender_fault=False)] * ROUNDS
    outcome, pauses = post(sqs)
    assert indexes(outcome) == ([0, 1, 2, 4, 5, 6, 7, 8, 9], [3])
    assert outcome.stopped is None
    assert len(sqs.calls) == ROUNDS
    assert pauses == sorted(pauses)


def test_an_entry_that_the_answer_does_not_mention_is_sent_again(sqs: Any) -> None:
    def forgetful(*, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        sqs.calls.append((QueueUrl, Entries))
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries[:6]]}

    sqs.send_message_batch = forgetful
    outcome, _ = post(sqs)
    assert indexes(outcome) == (list(range(10)), [])
    assert [len(entries) for _, entries in sqs.calls] == [10, 4]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url=ENDPOINT),
        ReadTimeoutError(endpoint_url=ENDPOINT),
        ConnectionClosedError(endpoint_url=ENDPOINT),
        ResponseParserError("not JSON"),
        ("RequestThrottled", 400),
        ("InternalFailure", 500),
        ("503", 503),
    ],
    ids=str,
)
def test_a_call_that_failed_for_the_moment_is_repeated(sqs: Any, error: Any) -> None:
    sqs.answers = [sqs.error(*error) if isinstance(error, tuple) else error] * 2
    outcome, pauses = post(sqs)
    assert indexes(outcome) == (list(range(10)), [])
    assert len(pauses) == 2


def test_an_outage_that_lasts_fails_the_batch_and_stops_the_run(sqs: Any) -> None:
    sqs.answers = [sqs.error("InternalFailure", 500)] * ROUNDS
    outcome, _ = post(sqs)
    assert indexes(outcome) == ([], list(range(10)))
    assert "InternalFailure" in (outcome.stopped or "")


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), ("ExpiredToken", 403), ("InvalidClientTokenId", 403)], ids=str
)
def test_credentials_that_do_not_work_stop_the_run_at_once(sqs: Any, error: Any) -> None:
    sqs.answers = [sqs.error(*error) if isinstance(error, tuple) else error]
    outcome, pauses = post(sqs)
    assert indexes(outcome) == ([], list(range(10)))
    assert "credentials" in (outcome.stopped or "")
    assert pauses == []


def test_a_missing_queue_closes_that_queue_only(sqs: Any) -> None:
    sqs.missing.add(QUEUE)
    outcome, pauses = post(sqs)
    assert indexes(outcome) == ([], list(range(10)))
    assert "mailsluice provision" in (outcome.closed or "")
    assert outcome.stopped is None
    assert pauses == []


@pytest.mark.parametrize("operation", ["SendMessage", "SendMessageBatch", "GetQueueUrl"])
def test_every_error_that_sqs_declares_for_enqueueing_has_a_meaning(operation: str) -> None:
    model = botocore.session.get_session().get_service_model("sqs").operation_model(operation)
    assert {shape.name for shape in model.error_shapes} <= SCOPES.keys()


@pytest.mark.parametrize(
    ("code", "scope"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", Scope.QUEUE),
        ("QueueDoesNotExist", Scope.QUEUE),
        ("AccessDeniedException", Scope.QUEUE),
        ("KMS.AccessDeniedException", Scope.QUEUE),
        ("KmsDisabled", Scope.QUEUE),
        ("KMS.ThrottlingException", Scope.MOMENT),
        ("ThrottlingException", Scope.MOMENT),
        ("ExpiredTokenException", Scope.EVERYTHING),
        ("AWS.SimpleQueueService.BatchRequestTooLong", Scope.MESSAGES),
        ("SomethingNew", Scope.MESSAGES),
    ],
)
def test_every_spelling_of_an_error_means_the_same(sqs: Any, code: str, scope: Scope) -> None:
    assert cause_of(sqs.error(code), QUEUE).scope is scope


def test_a_key_without_permission_is_told_with_what_is_needed(sqs: Any) -> None:
    assert "kms:GenerateDataKey" in cause_of(sqs.error("KMS.AccessDeniedException"), QUEUE).sentence


def test_a_queue_without_permission_closes_that_queue_only(sqs: Any) -> None:
    sqs.answers = [sqs.error("AccessDenied", 403)]
    outcome, _ = post(sqs)
    assert "sqs:SendMessage" in (outcome.closed or "")
    assert outcome.stopped is None


def test_one_entry_that_makes_sqs_refuse_the_call_is_found_and_the_others_pass(sqs: Any) -> None:
    too_long = sqs.error("AWS.SimpleQueueService.BatchRequestTooLong")
    real = sqs.send_message_batch

    def strict(*, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if any(entry["MessageBody"] == "body 3" for entry in Entries):
            raise too_long
        return real(QueueUrl=QueueUrl, Entries=Entries)

    sqs.send_message_batch = strict
    outcome, pauses = post(sqs)
    assert indexes(outcome) == ([0, 1, 2, 4, 5, 6, 7, 8, 9], [3])
    assert "BatchRequestTooLong" in outcome.failed[0][1]
    assert outcome.stopped is None
    assert pauses == []


def test_a_tenant_is_the_fair_queue_group_of_its_messages(sqs: Any) -> None:
    batch = a_batch(1)
    batch.add(Entry(1, uuid4(), "body", "customer-7"))
    post(sqs, batch)
    assert [entry.get("MessageGroupId") for entry in sqs.kept] == [None, "customer-7"]


def test_a_queue_is_looked_up_once(sqs: Any) -> None:
    queues = Queues(sqs)
    poster = Poster(sqs, queues, sleep=lambda _: None)
    for _ in range(3):
        poster.post(a_batch())
    assert sqs.lookups == [QUEUE]


def test_a_queue_that_was_made_anew_is_looked_up_again(sqs: Any) -> None:
    queues = Queues(sqs)
    poster = Poster(sqs, queues, sleep=lambda _: None)
    poster.post(a_batch())
    sqs.answers = [sqs.error("AWS.SimpleQueueService.NonExistentQueue")]
    assert indexes(poster.post(a_batch())) == (list(range(10)), [])
    assert sqs.lookups == [QUEUE, QUEUE]
