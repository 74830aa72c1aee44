"""What a Celery app tells this transport through `broker_transport_options`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from worker.transport.sqs import (
    MESSAGES_PER_CALL_AT_MOST,
    VISIBILITY_AT_MOST_SECONDS,
    WAIT_TIME_AT_MOST_SECONDS,
    client_from_environment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from types_boto3_sqs import SQSClient

# What kombu and Celery read themselves, on every transport, or write when they publish.
_READ_BY_KOMBU = frozenset(
    {
        "body_encoding",
        "sqs_base64_encoding",
        "connect_retries_timeout",
        "interval_max",
        "interval_start",
        "interval_step",
        "max_retries",
        "retry_errors",
    }
)


class BadTransportOptionsError(ValueError):
    """`broker_transport_options` cannot be used; the text names the option and what it may be."""


@dataclass(frozen=True, slots=True)
class Screened:
    """Messages, by SQS's id, that must not run among others, and those that must not run at all."""

    apart: frozenset[str] = frozenset()
    #: By id, and why.
    condemned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """Everything that can be set. Only `queues` has no default.

    Callbacks are called in receive threads, several at a time. What they raise is logged.

    Attributes:
        queues: The URL of every queue by its name. Queues are never looked up in SQS.
        known_tasks: Names of the tasks that may be run; None admits any.
        make_sqs_client: Called twice, for the long polls and for everything else, so that
            neither waits for the other's HTTP connections.
        wait_time_seconds: How long SQS holds a long poll open, 0 to 20.
        visibility_timeout_seconds: How long a received message is ours before SQS shows it again.
            Sent with each receive; kept alive by a heartbeat from half of it on.
        refused_visibility_seconds: How soon a malformed message shows again, on its way to the
            dead-letter queue.
        rejected_visibility_seconds: The same for a message that its task rejected or failed.
        hold_at_most_seconds: A message held longer than this is let go: a task that hangs for
            ever must not keep its message hidden for ever.
        receives_at_most: Receives in flight per queue while it is deep; otherwise it is one. Four
            bring 2,000 messages a second when SQS answers in 10 ms.
        flush_at_most_seconds: How long closing may take to bring the last deletes to SQS.
        may_receive: The gate. While it answers False the queue is not received from, and it is
            asked again about a second later. Asked before each receive and after each that brought
            something, so it should answer from memory.
        on_receive: Called with the queue's name at each answer to a receive, also empty ones.
        on_receive_error: Called with the queue's name and what a receive raised.
        on_refused: Called with the queue's name, the SQS message and the reason when a message
            is not a task message that may be run.
        screen: Called with the queue's name and the messages of one receive that SQS has shown
            before, unread; tells which of them must not run among others. It may wait; when it
            raises, the messages are given back.
        try_apart: Called with the queue's name and such a message, one at a time, in a thread of
            its own. Answers after how many seconds it is to be shown again; None deletes it.
        on_left: Called with the queue's name and SQS's ids when messages that were screened leave
            this process's hands. Must return at once.
    """

    queues: Mapping[str, str]
    known_tasks: AbstractSet[str] | None = None
    make_sqs_client: Callable[[], SQSClient] | None = None
    wait_time_seconds: int = 10
    visibility_timeout_seconds: int = 120
    refused_visibility_seconds: int = 2
    rejected_visibility_seconds: int = 5
    hold_at_most_seconds: int = 3600
    receives_at_most: int = 4
    flush_at_most_seconds: float = 5.0
    may_receive: Callable[[str], bool | None] | None = None
    on_receive: Callable[[str], None] | None = None
    on_receive_error: Callable[[str, Exception], None] | None = None
    on_refused: Callable[[str, dict[str, Any], str], None] | None = None
    screen: Callable[[str, Sequence[dict[str, Any]]], Screened] | None = None
    try_apart: Callable[[str, dict[str, Any]], float | None] | None = None
    on_left: Callable[[str, Sequence[str]], None] | None = None

    def __post_init__(self) -> None:
        """Refuse what SQS would refuse, before the first call.

        Raises:
            BadTransportOptionsError: with the option's name and its range.
        """
        if not self.queues:
            raise BadTransportOptionsError("queues must map at least one queue's name to its URL.")
        self._within("wait_time_seconds", 0, WAIT_TIME_AT_MOST_SECONDS)
        self._within("visibility_timeout_seconds", 1, VISIBILITY_AT_MOST_SECONDS)
        self._within("refused_visibility_seconds", 0, VISIBILITY_AT_MOST_SECONDS)
        self._within("rejected_visibility_seconds", 0, VISIBILITY_AT_MOST_SECONDS)
        self._within("hold_at_most_seconds", 1, VISIBILITY_AT_MOST_SECONDS)
        self._within("receives_at_most", 1, MESSAGES_PER_CALL_AT_MOST)

    def _within(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        if not isinstance(value, int) or not least <= value <= most:
            raise BadTransportOptionsError(
                f"{name} must be a whole number from {least} to {most}, not {value!r}."
            )

    @classmethod
    def parse(cls, transport_options: Mapping[str, Any]) -> Self:
        """The options of one kombu connection.

        Raises:
            BadTransportOptionsError: an option is unknown (a misspelt gate must not stay open),
                missing or out of range.
        """
        known = {each.name for each in fields(cls)}
        unknown = transport_options.keys() - known - _READ_BY_KOMBU
        if unknown:
            names = ", ".join(sorted(unknown))
            raise BadTransportOptionsError(f"broker_transport_options has no option {names}.")
        if "queues" not in transport_options:
            raise BadTransportOptionsError("broker_transport_options needs queues: name to URL.")
        return cls(**{name: transport_options[name] for name in known & transport_options.keys()})

    def as_transport_options(self) -> dict[str, Any]:
        """The same, as a value of Celery's `broker_transport_options`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def receiving_client(self) -> SQSClient:
        """A client for the long polls."""
        if self.make_sqs_client is not None:
            return self.make_sqs_client()
        return client_from_environment(wait_time_seconds=self.wait_time_seconds)

    def client_for_the_rest(self) -> SQSClient:
        """A client for deletes, visibility changes and sends."""
        if self.make_sqs_client is not None:
            return self.make_sqs_client()
        return client_from_environment()

    def url_of(self, queue: str) -> str:
        """The queue's URL.

        Raises:
            BadTransportOptionsError: `queues` does not have it.
        """
        try:
            return self.queues[queue]
        except KeyError:
            raise BadTransportOptionsError(
                f"Queue {queue!r} is not in broker_transport_options['queues']."
            ) from None
