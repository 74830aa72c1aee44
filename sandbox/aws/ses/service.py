"""The SES v2 endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import Reply, Request, new_request_id
from sandbox.aws.ses import rest
from sandbox.aws.ses.accounts import AccountOperations
from sandbox.aws.ses.admission import Admission
from sandbox.aws.ses.bulk import BulkSending
from sandbox.aws.ses.errors import SesError
from sandbox.aws.ses.event_destinations import EventDestinations
from sandbox.aws.ses.publisher import Publisher
from sandbox.aws.ses.sending import Sending
from sandbox.aws.ses.state import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.service import Call
    from sandbox.aws.sns.service import Sns
    from sandbox.aws.truth import Truth

Json = dict[str, Any]
Table = dict[str, "Callable[[Call], Json]"]

_CONTENT_TYPE = "application/json"


class Ses:
    """One SES account behind the v2 API."""

    name = "ses"

    def __init__(self, sns: Sns, truth: Truth) -> None:
        self._sns = sns
        self._truth = truth
        self._begin()

    @property
    def latency_seconds(self) -> float:
        return self.state.settings.latency_seconds

    def read(self, request: Request) -> Call:
        return rest.read(request)

    async def run(self, call: Call) -> Reply:
        operation = self._table.get(call.action)
        if operation is None:
            if call.action == rest.UNREADABLE:
                return self.error(400, "SerializationException", "The request body is not JSON.")
            return self.error(404, "UnknownOperationException", f"Not offered: {call.action}")
        try:
            return _reply(200, operation(call))
        except SesError as error:
            return self.error(error.status, error.code, error.message)

    def error(self, status: int, code: str, message: str) -> Reply:
        reply = _reply(status, {"message": message})
        reply.headers["x-amzn-ErrorType"] = code
        return reply

    def clear(self) -> None:
        """Forget everything, back to default settings."""
        self.publisher.clear()
        self._begin()

    def _begin(self) -> None:
        self.state = State()
        self.publisher = Publisher(self.state.event_settings)
        self._table = _operations(self.state, self.publisher, self._sns, self._truth)


def _operations(state: State, publisher: Publisher, sns: Sns, truth: Truth) -> Table:
    admission = Admission(state.settings, state.identities, state.configuration_sets)
    sending = Sending(state, admission, publisher, sns, truth)
    bulk = BulkSending(state, admission, sending)
    account = AccountOperations(state.settings, admission)
    return {
        "SendEmail": sending.send_email,
        "SendBulkEmail": bulk.send_bulk_email,
        "GetAccount": account.get,
        "PutAccountSendingAttributes": account.put_sending,
        "PutAccountSuppressionAttributes": account.put_suppression,
        **_resources(state),
        **_configuration_sets(state, sns),
    }


def _resources(state: State) -> Table:
    listed, identities, templates = state.suppression, state.identities, state.templates
    return {
        "PutSuppressedDestination": listed.put,
        "GetSuppressedDestination": listed.get,
        "DeleteSuppressedDestination": listed.delete,
        "ListSuppressedDestinations": listed.list,
        "CreateEmailIdentity": identities.create,
        "GetEmailIdentity": identities.get,
        "ListEmailIdentities": identities.list,
        "DeleteEmailIdentity": identities.delete,
        "PutEmailIdentityConfigurationSetAttributes": identities.put_configuration_set,
        "CreateEmailTemplate": templates.create,
        "GetEmailTemplate": templates.get,
        "ListEmailTemplates": templates.list,
        "UpdateEmailTemplate": templates.update,
        "DeleteEmailTemplate": templates.delete,
        "TestRenderEmailTemplate": templates.test_render,
    }


def _configuration_sets(state: State, sns: Sns) -> Table:
    sets = state.configuration_sets
    destinations = EventDestinations(sets, sns)
    return {
        "CreateConfigurationSet": sets.create,
        "GetConfigurationSet": sets.describe,
        "ListConfigurationSets": sets.list,
        "DeleteConfigurationSet": sets.delete,
        "PutConfigurationSetSendingOptions": sets.put_options("SendingOptions"),
        "PutConfigurationSetSuppressionOptions": sets.put_options("SuppressionOptions"),
        "PutConfigurationSetDeliveryOptions": sets.put_options("DeliveryOptions"),
        "PutConfigurationSetReputationOptions": sets.put_options("ReputationOptions"),
        "CreateConfigurationSetEventDestination": destinations.create,
        "GetConfigurationSetEventDestinations": destinations.list,
        "UpdateConfigurationSetEventDestination": destinations.update,
        "DeleteConfigurationSetEventDestination": destinations.delete,
    }


def _reply(status: int, body: Json) -> Reply:
    return Reply(
        status, json.dumps(body).encode(), _CONTENT_TYPE, {"x-amzn-RequestId": new_request_id()}
    )
