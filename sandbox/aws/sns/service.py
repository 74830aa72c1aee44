"""The SNS endpoint."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sandbox.aws.http import Reply, Request, new_request_id
from sandbox.aws.policies import admits
from sandbox.aws.service import Call
from sandbox.aws.sns import query
from sandbox.aws.sns.delivery import Delivery
from sandbox.aws.sns.envelope import Notification
from sandbox.aws.sns.errors import SnsError
from sandbox.aws.sns.operations import Operations
from sandbox.aws.sns.settings import SnsSettings
from sandbox.aws.sns.signing import process_signer
from sandbox.aws.sns.topics import Topics

if TYPE_CHECKING:
    from sandbox.aws.sqs.registry import Registry

_CONTENT_TYPE = "text/xml"
_SERVER_FAULT = 500


class Sns:
    """All topics of the account behind the SNS API."""

    name = "sns"

    def __init__(self, queues: Registry) -> None:
        self.settings = SnsSettings()
        self._signer = process_signer()
        self._topics = Topics()
        self._queues = queues
        self._connect()

    @property
    def latency_seconds(self) -> float:
        return self.settings.latency_seconds

    def read(self, request: Request) -> Call:
        try:
            fields = query.parse(request.body or request.query.encode())
        except (ValueError, AttributeError, TypeError):
            return Call("", request)
        return Call(str(fields.get("Action", "")), request, fields)

    async def run(self, call: Call) -> Reply:
        operation = self._operations.table.get(call.action)
        if operation is None:
            return self.error(400, "InvalidAction", f"SNS has no action {call.action!r} here.")
        try:
            result = operation(call)
        except SnsError as error:
            return self.error(error.status, error.code, error.message)
        request_id = new_request_id()
        return _reply(200, query.response(call.action, result, request_id), request_id)

    def error(self, status: int, code: str, message: str) -> Reply:
        request_id = new_request_id()
        fault = "Sender" if status < _SERVER_FAULT else "Receiver"
        return _reply(status, query.error(code, message, fault, request_id), request_id)

    def certificate(self, path: str) -> Reply | None:
        """The signing certificate, if this is its path."""
        if path != self._signer.certificate_path:
            return None
        return Reply(200, self._signer.certificate_pem, "application/x-pem-file")

    def publish_for_ses(
        self, topic_arn: str, configuration_set_arn: str, message: str, subject: str | None
    ) -> bool:
        """Publish on behalf of a configuration set.

        Returns:
            False if there is no such topic, or its policy does not admit SES.
        """
        topic = self._topics.by_arn.get(topic_arn)
        if topic is None:
            return False
        policy = topic.attributes.get("Policy", "")
        if not policy and self.settings.enforce_policies:
            return False
        if policy and not admits(
            policy,
            service="ses.amazonaws.com",
            action="sns:Publish",
            resource=topic_arn,
            source_arn=configuration_set_arn,
        ):
            return False
        self._delivery.deliver(topic, Notification(str(uuid.uuid4()), topic_arn, message, subject))
        return True

    def clear(self) -> None:
        """Forget every topic, and all settings."""
        self.settings = SnsSettings()
        self._topics = Topics()
        self._connect()

    def _connect(self) -> None:
        self._delivery = Delivery(self._queues, self._signer, self.settings)
        self._operations = Operations(self._topics, self._delivery)


def _reply(status: int, body: bytes, request_id: str) -> Reply:
    return Reply(status, body, _CONTENT_TYPE, {"x-amzn-RequestId": request_id})
