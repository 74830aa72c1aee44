"""Finds the service of a request, lets faults have their way, and counts how it ended."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sandbox.aws.control_api import PREFIX as CONTROL_PREFIX
from sandbox.aws.control_api import ControlApi
from sandbox.aws.faults import misbehave
from sandbox.aws.http import HangUp, Reply, Request
from sandbox.aws.ses.rest import PREFIX as SES_PREFIX
from sandbox.aws.sqs.service import TARGET_PREFIX as SQS_PREFIX

if TYPE_CHECKING:
    from sandbox.aws.account import Account
    from sandbox.aws.service import Call, Service

_log = logging.getLogger(__name__)
_NOT_FOUND = Reply(404, b"No service of this simulator answers here.\n", "text/plain")


class Router:
    """The front door of the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._control = ControlApi(account)

    async def answer(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            HangUp: A fault wants the connection closed without an answer.
        """
        if request.path.startswith(CONTROL_PREFIX):
            return await self._control.answer(request)
        if request.path.endswith(".pem"):
            return self._account.sns.certificate(request.path) or _NOT_FOUND
        service = self._service_of(request)
        if service is None:
            return _NOT_FOUND
        call = service.read(request)
        return await self._counted(service, call)

    def _service_of(self, request: Request) -> Service | None:
        if request.headers.get("X-Amz-Target", "").startswith(SQS_PREFIX):
            return self._account.sqs
        if request.path.startswith(SES_PREFIX):
            return self._account.ses
        if request.path == "/" and (b"Action=" in request.body or "Action=" in request.query):
            return self._account.sns
        return None

    async def _counted(self, service: Service, call: Call) -> Reply:
        operation = f"{service.name}.{call.action}"
        calls = self._account.calls
        calls.started(operation)
        outcome = "cut"  # what a call comes to that the server's own end interrupts
        try:
            reply = await self._with_faults(service, call)
            outcome = str(reply.status)
        except HangUp as hang_up:
            outcome = hang_up.outcome
            raise
        finally:
            calls.finished(operation, outcome)
        return reply

    async def _with_faults(self, service: Service, call: Call) -> Reply:
        rule = self._account.faults.match(service.name, call)
        if rule is None:
            return await _done(service, call)
        faults = self._account.faults
        return await misbehave(rule, faults, service, call, lambda: _done(service, call))


async def _done(service: Service, call: Call) -> Reply:
    try:
        return await _with_latency(service, call)
    except (AttributeError, KeyError, TypeError, ValueError):
        _log.exception(
            "%s.%s was called with parameters of a wrong shape", service.name, call.action
        )
        return service.error(400, "ValidationException", "A parameter has a wrong type.")


async def _with_latency(service: Service, call: Call) -> Reply:
    """Do the call; half of the latency passes on the way there, half on the way back."""
    latency = service.latency_seconds
    if latency <= 0:
        return await service.run(call)
    await asyncio.sleep(latency / 2)
    reply = await service.run(call)
    await asyncio.sleep(latency / 2)
    return reply
