"""REST-JSON: which operation a method and path mean, and where its parameters are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from sandbox.aws.service import Call

if TYPE_CHECKING:
    from sandbox.aws.http import Request

PREFIX = "/v2/email/"

_SETS = "configuration-sets"
_ONE_SET = f"{_SETS}/{{ConfigurationSetName}}"
_DESTINATIONS = f"{_ONE_SET}/event-destinations"
_ONE_DESTINATION = f"{_DESTINATIONS}/{{EventDestinationName}}"
_ONE_IDENTITY = "identities/{EmailIdentity}"
_SUPPRESSED = "suppression/addresses"

# Source: the REST paths of the Amazon SES API v2 reference.
_OPERATIONS = {
    "SendEmail": "POST outbound-emails",
    "SendBulkEmail": "POST outbound-bulk-emails",
    "GetAccount": "GET account",
    "PutAccountSendingAttributes": "PUT account/sending",
    "PutAccountSuppressionAttributes": "PUT account/suppression",
    "PutSuppressedDestination": f"PUT {_SUPPRESSED}",
    "ListSuppressedDestinations": f"GET {_SUPPRESSED}",
    "GetSuppressedDestination": f"GET {_SUPPRESSED}/{{EmailAddress}}",
    "DeleteSuppressedDestination": f"DELETE {_SUPPRESSED}/{{EmailAddress}}",
    "CreateEmailIdentity": "POST identities",
    "ListEmailIdentities": "POST list-identities",
    "GetEmailIdentity": f"GET {_ONE_IDENTITY}",
    "DeleteEmailIdentity": f"DELETE {_ONE_IDENTITY}",
    "PutEmailIdentityConfigurationSetAttributes": f"PUT {_ONE_IDENTITY}/configuration-set",
    "CreateConfigurationSet": f"POST {_SETS}",
    "ListConfigurationSets": "POST list-configuration-sets",
    "GetConfigurationSet": f"GET {_ONE_SET}",
    "DeleteConfigurationSet": f"DELETE {_ONE_SET}",
    "PutConfigurationSetSendingOptions": f"PUT {_ONE_SET}/sending",
    "PutConfigurationSetSuppressionOptions": f"PUT {_ONE_SET}/suppression-options",
    "PutConfigurationSetDeliveryOptions": f"PUT {_ONE_SET}/delivery-options",
    "PutConfigurationSetReputationOptions": f"PUT {_ONE_SET}/reputation-options",
    "CreateConfigurationSetEventDestination": f"POST {_DESTINATIONS}",
    "GetConfigurationSetEventDestinations": f"GET {_DESTINATIONS}",
    "UpdateConfigurationSetEventDestination": f"PUT {_ONE_DESTINATION}",
    "DeleteConfigurationSetEventDestination": f"DELETE {_ONE_DESTINATION}",
    "CreateEmailTemplate": "POST templates",
    "ListEmailTemplates": "GET templates",
    "GetEmailTemplate": "GET templates/{TemplateName}",
    "UpdateEmailTemplate": "PUT templates/{TemplateName}",
    "DeleteEmailTemplate": "DELETE templates/{TemplateName}",
    "TestRenderEmailTemplate": "POST templates/{TemplateName}/render",
}
_LISTS = {"Reason": "Reasons"}  # a list is repeated in the query under the name of one item
_NUMBERS = {"PageSize"}

_LITERAL = {route: name for name, route in _OPERATIONS.items() if "{" not in route}
_PATTERNS = [(name, route.split("/")) for name, route in _OPERATIONS.items() if "{" in route]

UNREADABLE = "(unreadable)"


def read(request: Request) -> Call:
    """Recognise an operation; one that is not offered is named by its method and path."""
    route = f"{request.method} {request.path.removeprefix(PREFIX)}"
    action, params = _operation(route)
    try:
        body = json.loads(request.body) if request.body else {}
        params |= body | _query(request.query)
    except (ValueError, TypeError):
        action = UNREADABLE
    return Call(action, request, params)


def _operation(route: str) -> tuple[str, dict[str, Any]]:
    literal = _LITERAL.get(route)
    if literal is not None:
        return literal, {}
    parts = route.split("/")
    for name, pattern in _PATTERNS:
        params = _match(pattern, parts)
        if params is not None:
            return name, params
    return route, {}


def _match(pattern: list[str], parts: list[str]) -> dict[str, Any] | None:
    if len(pattern) != len(parts):
        return None
    params = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            params[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return params


def _query(query: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, values in parse_qs(query).items():
        if name in _LISTS:
            params[_LISTS[name]] = values
        else:
            params[name] = int(values[0]) if name in _NUMBERS else values[0]
    return params
