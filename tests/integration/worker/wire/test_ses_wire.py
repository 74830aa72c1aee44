"""What the network can do to a send, and what we may believe about the message afterwards."""

from __future__ import annotations

import os
import socket
import struct
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from config.posting import exchange
from worker.ses.outcomes import Reject, Sent, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.ses.sender import Sender

    Peers = Callable[..., Any]
    Senders = Callable[..., Sender]

REQUEST: dict[str, Any] = {
    "FromEmailAddress": "me@example.com",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "Content": {"Raw": {"Data": b"Subject: Hello\r\n\r\nHi"}},
}
LARGE = REQUEST | {"Content": {"Raw": {"Data": os.urandom(8_000_000)}}}
ACCEPTED = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"MessageId": "0102"}'
SENDS = 100


def read_some(connection: socket.socket) -> None:
    assert connection.recv(100)


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer_with(answer: bytes, connection: socket.socket) -> None:
    read_some(connection)
    connection.sendall(answer)


def reset_after_reading(connection: socket.socket) -> None:
    read_some(connection)
    reset(connection)


def stay_silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


@pytest.fixture
def full_house() -> Iterator[str]:
    """The URL of somebody who has no place for another connection, and does not say so."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.settimeout(0)
        each.connect_ex(listener.getsockname())
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for each in (*waiting, listener):
        each.close()


def assert_not_sent(outcome: Any, error: str) -> None:
    assert (outcome.cause, outcome.why.code) == ("unreachable", error)
    assert not isinstance(outcome, Unknown)


def assert_may_be_sent(outcome: object, error: str) -> None:
    assert isinstance(outcome, Unknown)
    assert (outcome.cause, outcome.why.code) == ("answer_lost", error)


def test_nobody_listens_so_nothing_was_sent(sender_to: Senders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = sender_to(f"http://127.0.0.1:{port}").send(REQUEST)
    assert_not_sent(outcome, "EndpointConnectionError")


def test_the_name_is_unknown_so_nothing_was_sent(
    sender_to: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome = sender_to("http://ses.test").send(REQUEST)
    assert_not_sent(outcome, "EndpointConnectionError")


def test_nobody_answers_the_connect_so_nothing_was_sent(
    sender_to: Senders, full_house: str
) -> None:
    outcome = sender_to(full_house, connect_timeout_seconds=0.1).send(REQUEST)
    assert_not_sent(outcome, "ConnectTimeoutError")


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (read_some, "ConnectionClosedError"),
        (reset_after_reading, "ConnectionClosedError"),
        (partial(answer_with, ACCEPTED[:-1]), "ConnectionClosedError"),
        (partial(answer_with, ACCEPTED[:30]), "ConnectionClosedError"),
        (partial(answer_with, b"HTTP/9 nonsense\r\n\r\n"), "ConnectionClosedError"),
        (partial(answer_with, b"\x00" * 300_000), "ConnectionClosedError"),
        (partial(answer_with, ACCEPTED.replace(b"Mess", b"mess")), "NoMessageId"),
        (partial(answer_with, b"HTTP/1.1 204 No Content\r\n\r\n"), "NoMessageId"),
        (partial(answer_with, ACCEPTED.replace(b"200", b"400")[:-1]), "ConnectionClosedError"),
    ],
)
def test_once_a_byte_has_left_the_message_may_be_sent(
    peers: Peers, sender_to: Senders, serve: Callable[[socket.socket], None], error: str
) -> None:
    peer = peers(serve)
    outcome = sender_to(f"http://{peer.address}").send(REQUEST)
    assert_may_be_sent(outcome, error)
    assert peer.connections == 1


@pytest.mark.parametrize("request_", [REQUEST, LARGE])
def test_a_message_without_an_answer_in_time_may_be_sent(
    peers: Peers, sender_to: Senders, request_: dict[str, Any]
) -> None:
    peer = peers(stay_silent)
    sender = sender_to(f"http://{peer.address}", ses_read_timeout_seconds=0.3)
    assert_may_be_sent(sender.send(request_), "ReadTimeoutError")
    assert peer.connections == 1


def test_a_large_message_that_is_broken_off_may_be_sent(peers: Peers, sender_to: Senders) -> None:
    peer = peers(reset_after_reading)
    outcome = sender_to(f"http://{peer.address}").send(LARGE)
    assert isinstance(outcome, Unknown)
    assert peer.connections == 1


def test_an_answer_that_came_before_the_message_was_whole_is_heard(
    peers: Peers, sender_to: Senders
) -> None:
    too_large = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    peer = peers(partial(answer_with, too_large))
    outcome = sender_to(f"http://{peer.address}").send(LARGE)
    assert isinstance(outcome, Reject)
    assert outcome.why.code == "413"


def test_a_redirect_is_not_followed(peers: Peers, sender_to: Senders) -> None:
    redirect = b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    peer = peers(lambda connection: peer.serve_requests(connection, redirect))
    outcome = sender_to(f"http://{peer.address}").send(REQUEST)
    assert outcome.why.code == "307"
    assert not isinstance(outcome, Unknown)
    assert len(peer.heads) == 1


def test_connections_are_used_again(peers: Peers, sender_to: Senders) -> None:
    peer = peers()
    sender = sender_to(f"http://{peer.address}")
    assert {sender.send(REQUEST) for _ in range(20)} == {Sent("0102")}
    assert (peer.connections, len(peer.heads)) == (1, 20)


def test_a_late_answer_never_passes_for_the_answer_to_the_next_message(
    peers: Peers, sender_to: Senders
) -> None:
    def serve(connection: socket.socket) -> None:
        if peer.connections == 1:
            stay_silent(connection)
        else:
            peer.serve_requests(connection)

    peer = peers(serve)
    sender = sender_to(f"http://{peer.address}", ses_read_timeout_seconds=0.3)
    assert_may_be_sent(sender.send(REQUEST), "ReadTimeoutError")
    assert sender.send(REQUEST) == Sent("0102")
    assert peer.connections == 2


def test_no_more_connections_are_kept_than_there_are_slots(
    peers: Peers, sender_to: Senders
) -> None:
    together, ended = threading.Barrier(3), threading.Semaphore(0)

    def serve(connection: socket.socket) -> None:
        together.wait(10)
        peer.serve_requests(connection)
        ended.release()

    peer = peers(serve)
    sender = sender_to(f"http://{peer.address}", concurrency=2)
    threads = [threading.Thread(target=sender.send, args=(REQUEST,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended.acquire(timeout=10)
    assert not ended.acquire(blocking=False)


def test_a_server_that_closes_idle_connections_costs_no_message_its_certainty(
    peers: Peers, sender_to: Senders
) -> None:
    closed = threading.Semaphore(0)

    def serve(connection: socket.socket) -> None:
        read_some(connection)
        connection.sendall(ACCEPTED)
        connection.close()
        closed.release()

    peer = peers(serve)
    sender = sender_to(f"http://{peer.address}")
    outcomes = []
    for _ in range(SENDS):
        outcomes.append(sender.send(REQUEST))
        assert closed.acquire(timeout=10)
    assert outcomes == [Sent("0102")] * SENDS
    assert peer.connections == SENDS


def test_a_connection_that_was_idle_for_seconds_is_not_trusted_again(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = peers()
    sender = sender_to(f"http://{peer.address}")
    sender.send(REQUEST)
    real = exchange.monotonic
    monkeypatch.setattr(exchange, "monotonic", lambda: real() + 5)
    assert sender.send(REQUEST) == Sent("0102")
    assert peer.connections == 2
