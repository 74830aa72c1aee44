"""The proxy carries, goes deaf, and is healthy again for new connections."""

from __future__ import annotations

import socket
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.proxy import Proxy
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        while data := self.request.recv(100):
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        with Proxy(server.server_address[1]) as made:
            yield made
        server.shutdown()
        thread.join()


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_it_carries_both_ways(proxy: Proxy) -> None:
    with connected(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_while_deaf_connections_stand_and_nothing_comes_through(proxy: Proxy) -> None:
    with connected(proxy) as old:
        old.sendall(b"hello")
        assert old.recv(100) == b"hello"
        proxy.go_deaf()
        with connected(proxy) as new:
            for client in (old, new):
                client.settimeout(0.1)
                client.sendall(b"lost")
                with pytest.raises(TimeoutError):
                    client.recv(100)


def test_after_it_hears_again_old_connections_are_cut_and_new_ones_work(proxy: Proxy) -> None:
    proxy.go_deaf()
    with connected(proxy) as old:
        old.sendall(b"lost")
        until(lambda: proxy.connections() > 0, "the connection has been taken")
        proxy.hear_again()
        assert old.recv(100) == b""
    with connected(proxy) as new:
        new.sendall(b"hello")
        assert new.recv(100) == b"hello"
