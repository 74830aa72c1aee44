"""The settings that a Celery app needs for this transport to keep its promises."""

# mypy: allow-untyped-calls
# Celery and kombu are not typed.
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu.entity import Exchange, Queue

if TYPE_CHECKING:
    from worker.transport.options import TransportOptions

SCHEME = "mailsluice-sqs"
TRANSPORT = "worker.transport.transport:Transport"
REQUEST = "worker.transport.request:Request"


def celery_settings(
    options: TransportOptions, *, concurrency: int, prefetch_multiplier: int = 2
) -> dict[str, Any]:
    """For `app.conf.update(...)`: a worker with the threads pool on every queue of `options`.

    `concurrency` is the number of pool threads; `prefetch_multiplier` times as many messages are
    held at most. A message is deleted only when its task returns; a task that raises leaves it
    to the queue's redrive policy. There is no polling interval to set: nothing here polls.
    """
    exchange = Exchange("", type="direct")
    queues = [Queue(name, exchange=exchange, routing_key=name) for name in options.queues]
    return {
        "broker_url": f"{SCHEME}://",
        "broker_transport_options": options.as_transport_options(),
        "broker_connection_retry_on_startup": True,
        "broker_heartbeat": 0,
        "task_queues": queues,
        "task_default_queue": queues[0].name,
        "task_create_missing_queues": False,
        "task_protocol": 2,
        "task_serializer": "json",
        "accept_content": ["json"],
        **_DELIVERY,
        **_WORKER,
        "worker_concurrency": concurrency,
        "worker_prefetch_multiplier": prefetch_multiplier,
    }


_DELIVERY: dict[str, Any] = {
    # Delete after the task, and only if it returned.
    "task_acks_late": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_reject_on_worker_lost": True,
    # There is no result backend: what became of a message is in the ledger.
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    # Every task asks the transport before it starts, and answers it in its own thread.
    "task_annotations": {"*": {"Request": REQUEST}},
}

_WORKER: dict[str, Any] = {
    "worker_pool": "threads",
    # SQS carries no broadcasts: no remote control, no events between workers.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "task_send_sent_event": False,
    "worker_disable_rate_limits": True,
    "worker_detect_quorum_queues": False,
    "worker_enable_prefetch_count_reduction": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
}
