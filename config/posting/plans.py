"""How botocore would make a call, found out by having it prepare one."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.client import BaseClient
    from botocore.signers import RequestSigner

_SAID_ONCE = ("Content-Type", "User-Agent")
# What tells the operation from others at the same URL.
_OF_THE_OPERATION = ("X-Amz-Target", "x-amzn-query-mode")


@dataclass(frozen=True)
class Plan:
    """The parts of a call that are always the same.

    Attributes:
        headers: What every call to the service has.
        named: Headers that name the operation, where the URL does not.
    """

    url: str
    region: str
    service: str
    headers: dict[str, str]
    named: dict[str, str]
    request_signer: RequestSigner


def plan_of(client: BaseClient, operation: str, example: Mapping[str, Any]) -> Plan:
    """Have botocore prepare a call, and stop it before it is signed.

    Args:
        client: A boto3 client of the service.
        operation: The operation's name in the model, such as `SendEmail`.
        example: Arguments that botocore takes.

    Raises:
        ConfigurationError: Calls would not be signed as this package does it.
    """
    seen: dict[str, Any] = {}

    def look(**event: Any) -> tuple[AWSResponse, dict[str, Any]]:  # noqa: ANN401  botocore's event
        seen.update(event)
        return AWSResponse(event["params"]["url"], HTTPStatus.OK, HTTPHeaders(), None), {}

    service = client.meta.service_model.service_id.hyphenize()
    events, name = cast("Any", client.meta.events), f"before-call.{service}.{operation}"
    events.register_last(name, look)
    getattr(client, xform_name(operation))(**example)
    events.unregister(name, look)
    call, signer = seen["params"], seen["request_signer"]
    version = call["context"].get("auth_type") or signer.signature_version
    if version != "v4":
        raise ConfigurationError(
            f"Calls to AWS are signed with Signature Version 4 only, not with {version}: "
            "remove the setting of another one from the AWS configuration."
        )
    signing, headers = call["context"].get("signing", {}), call["headers"]
    return Plan(
        url=call["url"],
        region=signing.get("region") or signer.region_name,
        service=signing.get("signing_name") or signer.signing_name,
        headers={each: headers[each] for each in _SAID_ONCE},
        named={each: headers[each] for each in _OF_THE_OPERATION if each in headers},
        request_signer=signer,
    )
