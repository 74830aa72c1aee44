"""Makes calls of some operations of one boto3 client, without that client's cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from botocore import exceptions as boto
from botocore.parsers import create_parser
from botocore.utils import normalize_url_path

from config.posting.connecting import Endpoint
from config.posting.exchange import Exchange
from config.posting.plans import plan_of
from config.posting.reading import MOST_BODY_BYTES
from config.posting.signing import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials
    from botocore.model import StructureShape

    from config.posting.reading import Answer

_CREDENTIALS_PROBLEMS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that has only to leave: `post` it or `drop` it, once.

    `post` takes the moment (monotonic clock) after which it must not leave, or None.
    """

    post: Callable[[float | None], Answer]
    drop: Callable[[], None]


class Caller:
    """Posts bodies to operations of one service. Thread-safe."""

    def __init__(
        self,
        client: BaseClient,
        examples: Mapping[str, Mapping[str, Any]],
        *,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        most_idle: int,
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        """Nothing is connected yet, and no credentials are needed.

        Args:
            client: The boto3 client whose endpoint, credentials and model are used.
            examples: The operations, which share one URL, and arguments that botocore takes.
            connect_timeout_seconds: For each address of the endpoint.
            read_timeout_seconds: From the first byte of a request to the last of its answer.
            most_idle: How many connections are kept open.
            most_body_bytes: The longest answer.

        Raises:
            ConfigurationError: Calls cannot be made as configured; the text says why.
        """
        self._client = client
        self._plans = {name: plan_of(client, name, args) for name, args in examples.items()}
        plan = self.plan = next(iter(self._plans.values()))
        self._parser = create_parser(client.meta.service_model.resolved_protocol)
        endpoint = Endpoint(plan.url, connect_timeout_seconds=connect_timeout_seconds)
        self._signer = Signer(
            host=endpoint.host,
            path=quote(normalize_url_path(endpoint.path), safe="/~"),
            content_type=plan.headers["Content-Type"],
            region=plan.region,
            service=plan.service,
        )
        self.exchange = Exchange(
            endpoint,
            plan.headers,
            read_timeout_seconds=read_timeout_seconds,
            most_idle=most_idle,
            most_body_bytes=most_body_bytes,
        )

    def prepare(self, operation: str, body: bytes) -> Prepared:
        """Everything that comes before the POST: the signature, and an open connection.

        Raises:
            botocore.exceptions.BotoCoreError: No credentials, or no connection. Nothing has left.
        """
        headers = self._signer.sign(
            body,
            self._credentials(),
            epoch_seconds=time.time(),
            named=self._plans[operation].named,
        )
        line = self.exchange.connect()
        return Prepared(
            lambda not_after: self._checked(
                operation, self.exchange.post(headers, body, line, not_after=not_after)
            ),
            lambda: self.exchange.keep(line),
        )

    def call(self, operation: str, body: bytes) -> Answer:
        """POST once, and wait for the answer.

        Raises:
            botocore.exceptions.ClientError: AWS refused; `response` is as boto3 has it.
            botocore.exceptions.BotoCoreError: There was no answer; whether the request had begun
                to leave is told by the kind of error.
        """
        return self.prepare(operation, body).post(None)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.exchange.close()
        self._client.close()

    def _checked(self, operation: str, answer: Answer) -> Answer:
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(operation, answer)
        return answer

    def _credentials(self) -> ReadOnlyCredentials:
        """The credentials of this moment; botocore renews them when they are about to expire."""
        plan = self.plan
        try:
            auth = plan.request_signer.get_auth_instance(plan.service, plan.region)
        except _CREDENTIALS_PROBLEMS:
            raise
        except Exception as error:
            # A call to STS or the metadata service failed. Under its own name the error would
            # pass for one of the call itself, which has not begun.
            raise _no_credentials(type(error).__name__) from error
        credentials = cast("ReadOnlyCredentials | None", auth.credentials)
        if credentials is None:
            raise boto.NoCredentialsError
        if not _fits_header(f"{credentials.access_key}{credentials.token or ''}"):
            raise _no_credentials("a key holds characters that cannot be sent, or a line break")
        return credentials

    def _refusal(self, operation: str, answer: Answer) -> Exception:
        response = {
            "status_code": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        }
        model = self._client.meta.service_model.operation_model(operation)
        try:
            parsed = self._parser.parse(response, cast("StructureShape", model.output_shape))
        except Exception as error:  # noqa: BLE001  botocore's parser meets what is no JSON object
            return boto.HTTPClientError(error=error)
        parsed["ResponseMetadata"]["RetryAttempts"] = 0
        said = parsed.get("Error", {})
        # As botocore's client: where a service has kept its old codes, another names the class.
        code = said.get("QueryErrorCode") or said.get("Code")
        exceptions = cast("Any", self._client.exceptions)
        kind: type[boto.ClientError] = exceptions.from_code(code)
        return kind(cast("Any", parsed), operation)


def _no_credentials(reason: str) -> boto.CredentialRetrievalError:
    return boto.CredentialRetrievalError(provider="the AWS credentials", error_msg=reason)


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
