"""The HTTP server: in this process on a thread of its own, or as the whole process."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.aws.account import Account
from sandbox.aws.control import Control
from sandbox.aws.http import HangUp, Request
from sandbox.aws.router import Router

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_START_TIMEOUT_SECONDS = 10.0
_STOP_GRACE_SECONDS = 0.05
_BACKLOG = 1024


class Simulator:
    """SQS, SNS and SES v2 on one port of the running event loop."""

    def __init__(self) -> None:
        self.account = Account()
        self._router = Router(self.account)
        self._web = web.Server(self._serve, access_log=None)
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; returns the endpoint URL.

        Args:
            host: Address to bind.
            port: Port to bind; 0 takes a free one.

        Raises:
            OSError: The port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._web, host, port, backlog=_BACKLOG)
        self._watch = loop.create_task(self.account.stalls.watch())
        bound_port = self._server.sockets[0].getsockname()[1]
        return f"http://{host}:{bound_port}"

    async def stop(self) -> None:
        """Stop listening and end every call at once, long polls too."""
        if self._server is not None:
            self._server.close()
        if self._watch is not None:
            self._watch.cancel()
        self.account.close()
        await self._web.shutdown(_STOP_GRACE_SECONDS)

    async def _serve(self, raw: web.BaseRequest) -> web.StreamResponse:
        protocol = raw.protocol
        request = Request(
            raw.method,
            raw.rel_url.raw_path,
            raw.rel_url.raw_query_string,
            raw.headers,
            await raw.content.read(),
            lambda: protocol.transport is None,
        )
        try:
            reply = await self._router.answer(request)
        except HangUp:
            protocol.force_close()
            return web.Response()
        response = web.Response(
            status=reply.status, body=reply.body, content_type=reply.content_type
        )
        response.headers.update(reply.headers)
        return response


class SimulatorThread:
    """A simulator on its own thread and event loop, for tests.

    Use as a context manager; `endpoint_url` is where boto3 clients go, `control` steers it.
    """

    endpoint_url: str
    control: Control

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._address = (host, port)
        self._listening = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="aws-simulator", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread and wait until the simulator listens.

        Raises:
            OSError: The port is taken.
            TimeoutError: It did not come up.
        """
        self._thread.start()
        if not self._listening.wait(_START_TIMEOUT_SECONDS):
            raise TimeoutError("The simulator did not start listening.")
        if self._failure is not None:
            raise self._failure
        self.control = Control(self.endpoint_url)

    def stop(self) -> None:
        """End every call, and the thread."""
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self.control.close()

    def _run(self) -> None:
        asyncio.run(self._serve_until_stopped())

    async def _serve_until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        simulator = Simulator()
        try:
            self.endpoint_url = await simulator.start(*self._address)
        except OSError as failure:
            self._failure = failure
            return
        finally:
            self._listening.set()
        await self._ending.wait()
        await simulator.stop()
