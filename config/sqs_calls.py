"""The three calls of SQS that are made all the time, without boto3's cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from config.posting.caller import Caller

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from config.settings import Settings

# Ten messages of a MiB each, and twice as much again where each character of them is escaped.
MOST_ANSWER_BYTES = 32 * 1024 * 1024

_EXAMPLES: dict[str, dict[str, Any]] = {
    "ReceiveMessage": {"QueueUrl": "queue"},
    "DeleteMessageBatch": {"QueueUrl": "queue", "Entries": []},
    "ChangeMessageVisibilityBatch": {"QueueUrl": "queue", "Entries": []},
}


class SqsCalls:
    """Stands in for a boto3 client; every other call is that client's. Thread-safe.

    Calls raise what boto3's would, and are not retried. Arguments are not checked before SQS does.
    """

    def __init__(self, client: SQSClient, settings: Settings) -> None:
        """`settings` has the time-outs.

        Raises:
            ConfigurationError: Calls to SQS cannot be made as configured; the text says why.
        """
        self._client = client
        self._caller = Caller(
            client,
            _EXAMPLES,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            read_timeout_seconds=settings.sqs_read_timeout_seconds,
            most_idle=settings.concurrency,
            most_body_bytes=MOST_ANSWER_BYTES,
        )

    def receive_message(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  as boto3's
        """As boto3's."""
        return self._call("ReceiveMessage", request)

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  as boto3's
        """As boto3's."""
        return self._call("DeleteMessageBatch", request)

    def change_message_visibility_batch(
        self,
        **request: Any,  # noqa: ANN401  as boto3's
    ) -> dict[str, Any]:
        """As boto3's."""
        return self._call("ChangeMessageVisibilityBatch", request)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._caller.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  any method of the client
        return getattr(self._client, name)

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._caller.call(operation, json.dumps(request).encode())
        try:
            parsed = json.loads(answer.body or b"{}")
        except ValueError as error:
            raise boto.HTTPClientError(error=error) from error
        if not isinstance(parsed, dict):
            raise boto.HTTPClientError(error=TypeError("SQS did not answer a JSON object."))
        return {name: value for name, value in parsed.items() if value is not None}
