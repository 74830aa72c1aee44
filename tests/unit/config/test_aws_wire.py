"""A connection is read and written by a deadline, however slow the other side is."""

from __future__ import annotations

import socket
import threading
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from config.posting.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = bytes(range(256)) * 8_192


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_more_than_fits_on_the_way_arrives_whole(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    arrived = bytearray()

    def take() -> None:
        while len(arrived) < len(LARGE):
            arrived.extend(theirs.recv(4_096))

    reader = threading.Thread(target=take)
    reader.start()
    Wire(ours).send(LARGE, monotonic() + 10)
    reader.join()
    assert bytes(arrived) == LARGE


def test_what_the_other_side_does_not_take_ends_at_the_deadline(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with pytest.raises(TimeoutError):
        Wire(pair[0]).send(LARGE, monotonic() + 0.05)


def test_nothing_leaves_after_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    with pytest.raises(TimeoutError):
        Wire(ours).send(b"late", monotonic())
    theirs.settimeout(0)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_silence_ends_at_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        Wire(pair[0]).receive(monotonic() + 0.05)


def test_an_end_is_told_by_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].close()
    assert Wire(pair[0]).receive(monotonic() + 10) == b""


class TunnelledTls:
    """TLS within TLS, as urllib3 has it: no socket, with time-outs of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0
        self._sock.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)

    def recv(self, most: int) -> bytes:
        return self._sock.recv(most)


def test_tls_within_tls_keeps_its_own_waiting(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    wire = Wire(TunnelledTls(ours))  # type: ignore[arg-type]  # as urllib3 gives it for a socket
    wire.send(b"asked", monotonic() + 10)
    assert theirs.recv(10) == b"asked"
    theirs.sendall(b"told")
    assert wire.receive(monotonic() + 10) == b"told"
    with pytest.raises(TimeoutError):
        wire.receive(monotonic() + 0.05)
