"""An answer is read whole and right, or not at all."""

from __future__ import annotations

import socket
import threading
from itertools import pairwise
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection

from config.posting.connecting import Endpoint
from config.posting.exchange import Exchange, TooLateError
from config.posting.reading import Answer, NotUnderstoodError, Reader
from config.posting.wire import Wire

BODY = b'{"MessageId": "0102"}'
PLAIN = b"HTTP/1.1 200 OK\r\nX-Amzn-RequestId: r1\r\nContent-Length: 21\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;note=x\r\n" + BODY[:5] + b"\r\n10\r\n" + BODY[5:] + b"\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


class Pieces:
    """A connection whose bytes arrive in pieces, and then the end."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def receive(self, _deadline: float) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def read(*pieces: bytes) -> tuple[Answer, bool]:
    return Reader(Pieces(*pieces), monotonic() + 10).read()


@given(cuts=st.lists(st.integers(1, 150), max_size=8), answer=st.sampled_from([PLAIN, CHUNKED]))
def test_an_answer_is_the_same_in_however_many_pieces_it_comes(
    cuts: list[int], answer: bytes
) -> None:
    edges = [0, *sorted({min(cut, len(answer)) for cut in cuts}), len(answer)]
    pieces = [answer[a:b] for a, b in pairwise(edges) if a < b]
    got, is_reusable = read(*pieces)
    assert (got.status, got.body, is_reusable) == (200, BODY, True)


def test_the_names_of_headers_are_in_lower_case() -> None:
    assert read(PLAIN)[0].headers == {"x-amzn-requestid": "r1", "content-length": "21"}


@given(st.integers(0, len(CHUNKED) - 1), st.sampled_from([PLAIN, CHUNKED]))
def test_a_cut_answer_is_no_answer(length: int, answer: bytes) -> None:
    with pytest.raises(NotUnderstoodError):
        read(answer[: min(length, len(answer) - 1)])


def test_an_interim_answer_is_not_the_answer() -> None:
    assert read(b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN)[0].body == BODY


def test_an_answer_without_content_ends_with_its_headers() -> None:
    assert read(b"HTTP/1.1 204 No Content\r\n\r\n")[0] == Answer(204, {}, b"")


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN.replace(b"\r\nX-", b"\r\nConnection: Close\r\nX-"),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN + b"more than was asked for",
    ],
)
def test_a_connection_that_cannot_carry_the_next_request_is_not_kept(answer: bytes) -> None:
    assert read(answer)[1] is False


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsize\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + PLAIN,
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n") * 2,
    ],
)
def test_what_is_not_understood_is_not_guessed_at(answer: bytes) -> None:
    with pytest.raises(NotUnderstoodError):
        read(answer)


def test_an_answer_that_trickles_in_ends_at_the_deadline_and_not_later() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(PLAIN[:-1])
        with pytest.raises(TimeoutError):
            Reader(Wire(ours), monotonic() + 0.05).read()


def connecting_to(monkeypatch: pytest.MonkeyPatch, *socks: socket.socket) -> Exchange:
    """An exchange that opens these connections, one after the other."""
    left = list(socks)

    def connect(_: Endpoint) -> HTTPConnection:
        connection = HTTPConnection("ses.test")
        connection.sock = left.pop(0)
        return connection

    monkeypatch.setattr(Endpoint, "connect", connect)
    monkeypatch.setattr(HTTPConnection, "is_connected", True)
    endpoint = Endpoint("http://ses.test/", connect_timeout_seconds=1)
    return Exchange(endpoint, {}, read_timeout_seconds=1, most_idle=1)


def broken_off() -> socket.socket:
    """The other side has answered, and takes no more of the request."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(PLAIN)
    return ours


def test_a_connection_that_did_not_take_the_whole_request_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange = connecting_to(monkeypatch, broken_off(), broken_off())
    assert [exchange.post({}, b"{}").body for _ in range(2)] == [BODY, BODY]


def test_connections_that_the_other_side_closed_carry_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = [socket.socketpair() for _ in range(4)]
    is_connected = HTTPConnection.is_connected
    exchange = connecting_to(monkeypatch, *(ours for ours, _ in pairs))
    monkeypatch.setattr(HTTPConnection, "is_connected", is_connected)
    exchange._most_idle = 3
    for line in [exchange.connect() for _ in range(3)]:
        exchange.keep(line)
    *closed, (_, answering) = pairs
    for _, theirs in closed:
        theirs.close()

    def answer() -> None:
        answering.recv(65_536)
        answering.sendall(PLAIN)

    other_side = threading.Thread(target=answer)
    other_side.start()
    assert exchange.post({}, b"{}").body == BODY
    other_side.join()
    answering.close()
    exchange.close()


def test_a_request_whose_moment_has_passed_does_not_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    exchange = connecting_to(monkeypatch, ours)
    with theirs:
        with pytest.raises(TooLateError):
            exchange.post({}, b"{}", not_after=monotonic() - 0.001)
        assert theirs.recv(1) == b""


@pytest.mark.parametrize(("proxy", "port"), [("http://proxy.test", 80), ("proxy.test:3128", 3128)])
def test_a_proxy_without_a_port_is_asked_at_the_port_of_its_own_scheme(
    monkeypatch: pytest.MonkeyPatch, proxy: str, port: int
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    connection = Endpoint("https://ses.test/", connect_timeout_seconds=1)._new()
    assert (connection.host, connection.port) == ("proxy.test", port)
