"""The HTTP side of the control interface, under `/_sandbox/`."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sandbox.aws import settings
from sandbox.aws.faults import KINDS, FaultRule
from sandbox.aws.http import Reply
from sandbox.aws.sqs.errors import SqsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.account import Account
    from sandbox.aws.http import Request

Json = dict[str, Any]

PREFIX = "/_sandbox/"

_EMPTY_QUEUE_POLL_SECONDS = 0.01


class ControlApi:
    """Steers one account; errors are answered as a sentence with status 400."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._routes: dict[tuple[str, str], Callable[[Json], object]] = {
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): lambda _: account.faults.clear(),
            ("POST", "settings/sqs"): self._set_sqs,
            ("POST", "settings/sns"): lambda params: settings.apply(account.sns.settings, params),
            ("POST", "settings/ses"): lambda params: settings.apply(
                account.ses.state.settings, params
            ),
            ("POST", "settings/events"): self._set_events,
            ("GET", "sends"): lambda _: [send.as_json() for send in account.truth.sends],
            ("GET", "stalls"): lambda _: [asdict(stall) for stall in account.stalls.seen],
            ("GET", "calls"): lambda _: account.calls.outcomes(),
            ("POST", "reset"): lambda _: account.reset(),
        }

    async def answer(self, request: Request) -> Reply:
        path = unquote(request.path.removeprefix(PREFIX))
        try:
            params = json.loads(request.body or b"{}")
            return _json(200, await self._do(request.method, path, params))
        except TimeoutError as late:
            return _json(408, {"message": str(late)})
        except (ValueError, TypeError, SqsError) as error:
            return _json(400, {"message": str(error)})

    async def _do(self, method: str, path: str, params: Json) -> object:
        if (method, path) == ("POST", "wait"):
            return await self._wait(**params)
        if method == "GET" and path.startswith("queues/"):
            return self._queue(path.removeprefix("queues/"))
        route = self._routes.get((method, path))
        if route is None:
            raise ValueError(f"The control interface has no {method} {path}.")
        return route(params)

    def _add_fault(self, params: Json) -> Json:
        if params.get("kind") not in KINDS:
            raise ValueError(f"A fault's kind is one of {', '.join(KINDS)}.")
        if params.get("service") not in self._account.services:
            raise ValueError(f"A fault's service is one of {', '.join(self._account.services)}.")
        return {"id": self._account.faults.add(FaultRule(**params))}

    def _set_sqs(self, params: Json) -> None:
        whims = self._account.sqs.registry.whims
        if "seed" in params:
            whims.chance = random.Random(params.pop("seed"))  # noqa: S311  a test's dice
        settings.apply(whims, params)

    def _set_events(self, params: Json) -> None:
        settings.apply(self._account.ses.state.event_settings, params)
        self._account.ses.publisher.release()

    def _queue(self, name: str) -> Json:
        store = self._account.sqs.registry.by_name(name).store
        store.advance()
        return {
            "visible": store.visible,
            "in_flight": store.in_flight,
            "delayed": store.delayed,
            "messages": [
                {
                    "message_id": message.message_id,
                    "body": message.body,
                    "receive_count": message.receive_count,
                    "state": message.state.value,
                }
                for message in store
            ],
        }

    async def _wait(self, what: str, count: int, timeout_seconds: float) -> Json:
        if what.startswith("queue_empty:"):
            return await self._wait_for_empty(what.partition(":")[2], timeout_seconds)
        if what != "sends" and not what.startswith(("calls:", "started:")):
            raise ValueError(
                f"Cannot wait for {what!r}: it is sends, calls:OPERATION, started:OPERATION or "
                "queue_empty:NAME."
            )
        counters = self._account.counters
        if not await counters.reach(what, count, timeout_seconds):
            raise TimeoutError(
                f"{what} is {counters[what]}, not {count}, after {timeout_seconds} seconds."
            )
        return {"value": counters[what]}

    async def _wait_for_empty(self, name: str, timeout_seconds: float) -> Json:
        store = self._account.sqs.registry.by_name(name).store
        deadline = time.monotonic() + timeout_seconds
        while len(store):
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"Queue {name} still holds {len(store)} messages after {timeout_seconds} "
                    "seconds."
                )
            await asyncio.sleep(_EMPTY_QUEUE_POLL_SECONDS)
        return {"value": 0}


def _json(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode(), "application/json")
