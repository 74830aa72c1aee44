"""A TCP proxy that can go deaf: connections stay open, and nothing comes through any more."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_CHUNK_BYTES = 65_536


class Proxy:
    """Stands before a port of localhost, on the port `port`, for as long as the `with` lasts."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._deaf = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to accept connections."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Accept no more, and cut what is open."""
        self._server.shutdown()
        self._server.server_close()
        self.cut()

    def go_deaf(self) -> None:
        """From now on accept and forward nothing, and keep every connection open."""
        self._deaf = True

    def hear_again(self) -> None:
        """Be healthy for new connections, and cut the old ones: what they lost is lost."""
        self.cut()
        self._deaf = False

    def cut(self) -> None:
        """Close every connection."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def connections(self) -> int:
        """How many sockets are open, on both sides."""
        with self._lock:
            return len(self._open)

    def serve(self, client: socket.socket) -> None:
        """Carry one connection to its end."""
        with self._kept(client):
            if self._deaf:
                self._swallow(client)
                return
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self._target_port)) as target,
                self._kept(target),
            ):
                back = threading.Thread(target=self._carry, args=(target, client), daemon=True)
                back.start()
                self._carry(client, target)
                back.join()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if not self._deaf:
                    sink.sendall(data)
            # A network that is gone carries no farewell either.
            if not self._deaf:
                sink.shutdown(socket.SHUT_WR)

    @staticmethod
    def _swallow(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while client.recv(_CHUNK_BYTES):
                pass

    @contextlib.contextmanager
    def _kept(self, each: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(each)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(each)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.proxy.serve(self.request)
