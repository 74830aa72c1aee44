"""`SendEmail` and nothing else, with the promises of boto3's client at a fraction of its cost.

boto3 spends two milliseconds of Python on a send, which caps a worker process. botocore still
does, once, what it knows best: the endpoint, the credentials and their renewal, the model; and
it explains every error that SES answers. What remains of a call is the body, the signature and
one POST.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from botocore import exceptions as boto
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.parsers import create_parser
from botocore.utils import normalize_url_path

from config.errors import ConfigurationError
from worker.ses.body import BodyWriter, NotOrdinaryError
from worker.ses.connecting import Endpoint
from worker.ses.exchange import Exchange
from worker.ses.signing import Signer

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from botocore.model import StructureShape
    from botocore.signers import RequestSigner
    from types_boto3_sesv2 import SESV2Client

    from config.settings import Settings
    from worker.ses.exchange import Answer

_OPERATION = "SendEmail"
_CREDENTIALS_PROBLEMS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)


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
        operation = client.meta.service_model.operation_model(_OPERATION)
        self._body = BodyWriter(cast("StructureShape", operation.input_shape))
        self._answer_shape = cast("StructureShape", operation.output_shape)
        self._parser = create_parser("rest-json")
        plan = _plan(client)
        self._plan = plan
        endpoint = Endpoint(plan.url, connect_timeout_seconds=settings.connect_timeout_seconds)
        self._signer = Signer(
            host=endpoint.host,
            path=quote(normalize_url_path(endpoint.path), safe="/~"),
            content_type=plan.headers["Content-Type"],
            region=plan.region,
            service=plan.service,
        )
        self._exchange = Exchange(
            endpoint,
            plan.headers,
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
        try:
            body = self._body.write(request)
        except NotOrdinaryError:
            return dict(self._client.send_email(**request))
        credentials = self._credentials()
        headers = self._signer.sign(body, credentials, epoch_seconds=time.time())
        answer = self._exchange.post(headers, body)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(answer)
        return _accepted(answer)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._exchange.close()
        self._client.close()

    def _credentials(self) -> ReadOnlyCredentials:
        """The credentials of this moment; botocore renews them when they are about to expire."""
        plan = self._plan
        try:
            auth = plan.request_signer.get_auth_instance(plan.service, plan.region)
        except _CREDENTIALS_PROBLEMS:
            raise
        except Exception as error:
            # A call to STS or the metadata service failed. Under its own name the error would
            # pass for one of the call to SES, which has not begun.
            raise _no_credentials(type(error).__name__) from error
        credentials = cast("ReadOnlyCredentials | None", auth.credentials)
        if credentials is None:
            raise boto.NoCredentialsError
        if not _fits_header(f"{credentials.access_key}{credentials.token or ''}"):
            raise _no_credentials("a key holds characters that cannot be sent, or a line break")
        return credentials

    def _refusal(self, answer: Answer) -> Exception:
        response = {
            "status_code": answer.status,
            "headers": answer.headers,
            "body": answer.body,
        }
        try:
            parsed = self._parser.parse(response, self._answer_shape)
        except Exception as error:  # noqa: BLE001  botocore's parser meets what is no JSON object
            return boto.HTTPClientError(error=error)
        parsed["ResponseMetadata"]["RetryAttempts"] = 0
        exceptions = cast("Any", self._client.exceptions)
        kind: type[boto.ClientError] = exceptions.from_code(parsed.get("Error", {}).get("Code"))
        return kind(cast("Any", parsed), _OPERATION)


@dataclass(frozen=True)
class _Plan:
    """How botocore would make the call."""

    url: str
    region: str
    service: str
    headers: dict[str, str]
    request_signer: RequestSigner


def _plan(client: SESV2Client) -> _Plan:
    """Have botocore prepare a call, and stop it before it is signed."""
    seen: dict[str, Any] = {}

    def look(**event: Any) -> tuple[AWSResponse, dict[str, Any]]:  # noqa: ANN401  botocore's event
        seen.update(event)
        return AWSResponse(event["params"]["url"], HTTPStatus.OK, HTTPHeaders(), None), {}

    events, name = cast("Any", client.meta.events), f"before-call.sesv2.{_OPERATION}"
    events.register_last(name, look)
    client.send_email(Content={})
    events.unregister(name, look)
    call, signer = seen["params"], seen["request_signer"]
    version = call["context"].get("auth_type") or signer.signature_version
    if version != "v4":
        raise ConfigurationError(
            f"Calls to SES are signed with Signature Version 4 only, not with {version}: "
            "remove the setting of another one from the AWS configuration."
        )
    signing = call["context"].get("signing", {})
    return _Plan(
        url=call["url"],
        region=signing.get("region") or signer.region_name,
        service=signing.get("signing_name") or signer.signing_name,
        headers={each: call["headers"][each] for each in ("Content-Type", "User-Agent")},
        request_signer=signer,
    )


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


def _no_credentials(reason: str) -> boto.CredentialRetrievalError:
    return boto.CredentialRetrievalError(provider="the AWS credentials", error_msg=reason)


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
