"""`SendEmail` and nothing else, with the promises of boto3's client at a fraction of its cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from config.posting.caller import Caller
from worker.ses.body import BodyWriter, NotOrdinaryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import StructureShape
    from types_boto3_sesv2 import SESV2Client

    from config.posting.reading import Answer
    from config.settings import Settings

_OPERATION = "SendEmail"


@dataclass(frozen=True, slots=True)
class PreparedSend:
    """A request that has only to leave: `post` it, as `send_email` does, or `drop` it; once.

    `post` takes the moment (monotonic clock) after which it must not leave, or None; it then
    raises `config.posting.exchange.TooLateError`.
    """

    post: Callable[[float | None], dict[str, Any]]
    drop: Callable[[], None]


class SesPost:
    """Stands in for a boto3 client where only `send_email` is called. Thread-safe."""

    def __init__(self, client: SESV2Client, settings: Settings) -> None:
        """Nothing is connected yet, and no credentials are needed.

        Args:
            client: A client that makes exactly one POST a call: `config.aws.ses_sender`'s.
            settings: Its time-outs, and how many connections to keep.

        Raises:
            ConfigurationError: Calls to SES cannot be made as configured; the text says why.
        """
        self._client = client
        shape = client.meta.service_model.operation_model(_OPERATION).input_shape
        self._body = BodyWriter(cast("StructureShape", shape))
        self._caller = Caller(
            client,
            {_OPERATION: {"Content": {}}},
            connect_timeout_seconds=settings.connect_timeout_seconds,
            read_timeout_seconds=settings.ses_read_timeout_seconds,
            most_idle=settings.concurrency,
        )

    def send_email(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  as boto3's
        """POST once. The answer has a `MessageId` if, and only if, SES took the message.

        A call takes at most the connect time-out (for each address of the endpoint) and the read
        time-out.

        Raises:
            botocore.exceptions.ClientError: SES refused; `response` is as boto3 has it.
            botocore.exceptions.BotoCoreError: There was no answer; whether the request had begun
                to leave is told by the kind of error, see `worker.ses.classify`.
        """
        return self.prepare(**request).post(None)

    def prepare(self, **request: Any) -> PreparedSend:  # noqa: ANN401  as boto3's
        """Everything that comes before the POST: the body, the signature, an open connection.

        Raises:
            botocore.exceptions.BotoCoreError: As `send_email`; nothing has left.
        """
        try:
            body = self._body.write(request)
        except NotOrdinaryError:
            return PreparedSend(lambda _: dict(self._client.send_email(**request)), lambda: None)
        prepared = self._caller.prepare(_OPERATION, body)
        return PreparedSend(lambda not_after: _accepted(prepared.post(not_after)), prepared.drop)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._caller.close()


def _accepted(answer: Answer) -> dict[str, Any]:
    try:
        parsed = json.loads(answer.body)
    except ValueError:
        parsed = None
    result: dict[str, Any] = {
        "ResponseMetadata": {
            "RequestId": answer.headers.get("x-amzn-requestid", ""),
            "HTTPStatusCode": answer.status,
            "HTTPHeaders": answer.headers,
            "RetryAttempts": 0,
        }
    }
    message_id = parsed.get("MessageId") if isinstance(parsed, dict) else None
    if isinstance(message_id, str) and message_id:
        result["MessageId"] = message_id
    return result
