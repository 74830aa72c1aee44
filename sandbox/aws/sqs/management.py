"""CreateQueue, ListQueues, attributes and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.sqs.attributes import COMPUTED, KNOWN
from sandbox.aws.sqs.errors import SqsError, invalid_parameter, missing_parameter
from sandbox.aws.sqs.registry import queue_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.aws.service import Call
    from sandbox.aws.sqs.queue import Queue
    from sandbox.aws.sqs.registry import Registry

Json = dict[str, Any]

_MAX_RESULTS = 1000


def create(registry: Registry, call: Call) -> Json:
    """CreateQueue.

    Raises:
        SqsError: The name or an attribute is not permitted.
    """
    params = call.params
    if not params.get("QueueName"):
        raise missing_parameter("QueueName")
    attributes = params.get("Attributes") or {}
    queue = registry.create(str(params["QueueName"]), call.request.region, attributes)
    queue.tags.update(params.get("tags") or {})
    return {"QueueUrl": queue_url(call.request.base_url, queue)}


def url(registry: Registry, call: Call) -> Json:
    """GetQueueUrl.

    Raises:
        SqsError: There is no such queue.
    """
    queue = registry.by_name(str(call.params.get("QueueName")))
    return {"QueueUrl": queue_url(call.request.base_url, queue)}


def list_all(registry: Registry, call: Call) -> Json:
    """ListQueues."""
    prefix = call.params.get("QueueNamePrefix") or ""
    return _page(call, "QueueUrls", (q for q in registry if q.name.startswith(prefix)))


def list_sources(registry: Registry, call: Call) -> Json:
    """ListDeadLetterSourceQueues.

    Raises:
        SqsError: There is no such queue.
    """
    queue = registry.by_url(call.params.get("QueueUrl"))
    answer = _page(call, "queueUrls", registry.sources_of(queue))
    return {"queueUrls": [], **answer}


def attributes_of(queue: Queue, params: Json) -> Json:
    """GetQueueAttributes.

    Raises:
        SqsError: A name is unknown.
    """
    names = params.get("AttributeNames") or []
    for name in names:
        if name not in KNOWN:
            raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    queue.store.advance()
    queue.sweep()
    values = {**queue.attributes, **dict(zip(COMPUTED, _computed(queue), strict=True))}
    listed = values if "All" in names else {n: values[n] for n in names if n in values}
    return {"Attributes": listed} if listed else {}


def tag(queue: Queue, params: Json) -> Json:
    """TagQueue."""
    queue.tags.update(params.get("Tags") or {})
    return {}


def untag(queue: Queue, params: Json) -> Json:
    """UntagQueue."""
    for key in params.get("TagKeys") or ():
        queue.tags.pop(key, None)
    return {}


def tags_of(queue: Queue, params: Json) -> Json:
    """ListQueueTags."""
    del params
    return {"Tags": queue.tags} if queue.tags else {}


def _computed(queue: Queue) -> tuple[str, ...]:
    store = queue.store
    return (
        queue.arn,
        str(queue.created_at),
        str(queue.modified_at),
        str(store.visible),
        str(store.in_flight),
        str(store.delayed),
    )


def _page(call: Call, key: str, queues: Iterable[Queue]) -> Json:
    names = sorted((queue.name, queue) for queue in queues)
    limit = call.params.get("MaxResults")
    if limit is not None and not 1 <= limit <= _MAX_RESULTS:
        raise invalid_parameter(
            f"Value {limit} for parameter MaxResults is invalid. Reason: MaxResults must be "
            f"between 1 and {_MAX_RESULTS}."
        )
    after = call.params.get("NextToken") or ""
    page = [entry for entry in names if entry[0] > after][: limit or _MAX_RESULTS]
    answer: Json = {}
    if page:
        answer[key] = [queue_url(call.request.base_url, queue) for _, queue in page]
        if limit is not None and page[-1] != names[-1]:
            answer["NextToken"] = page[-1][0]
    return answer
