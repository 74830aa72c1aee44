"""TLS and proxies: what fails before the request is not sent, what fails after it may be."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from config.errors import ConfigurationError
from worker.ses.outcomes import Sent, Unknown

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from worker.ses.sender import Sender

    Peers = Callable[..., Any]
    Senders = Callable[..., Sender]

REQUEST: dict[str, Any] = {
    "FromEmailAddress": "me@example.com",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "Content": {"Raw": {"Data": b"Subject: Hello\r\n\r\nHi"}},
}
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, authority: Path) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))


def localhost(peer: Any) -> str:
    return f"https://localhost:{peer.address.rpartition(':')[2]}"


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    return head


def assert_not_sent(outcome: Any, errors: set[str]) -> None:
    assert outcome.cause == "unreachable"
    assert outcome.why.code in errors
    assert not isinstance(outcome, Unknown)


@pytest.mark.usefixtures("trusted")
def test_the_bundle_of_aws_ca_bundle_is_trusted_and_the_connection_used_again(
    peers: Peers, sender_to: Senders, tls: ssl.SSLContext
) -> None:
    def serve(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as secured:
            peer.serve_requests(secured)

    peer = peers(serve)
    sender = sender_to(localhost(peer))
    assert [sender.send(REQUEST) for _ in range(10)] == [Sent("0102")] * 10
    assert peer.connections == 1


def test_an_untrusted_certificate_is_refused_and_nothing_sent(
    peers: Peers, sender_to: Senders, tls: ssl.SSLContext
) -> None:
    peer = peers(lambda connection: tls.wrap_socket(connection, server_side=True).close())
    outcome = sender_to(localhost(peer)).send(REQUEST)
    assert_not_sent(outcome, {"SSLError"})


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host_is_refused_and_nothing_sent(
    peers: Peers, sender_to: Senders, tls: ssl.SSLContext
) -> None:
    peer = peers(lambda connection: tls.wrap_socket(connection, server_side=True).close())
    outcome = sender_to(f"https://{peer.address}").send(REQUEST)
    assert_not_sent(outcome, {"SSLError"})


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until nothing does."""
    with suppress(OSError):
        while received := source.recv(65_536):
            sink.sendall(received)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def speak_plainly(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.recv(1000)


def stay_silent(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


@pytest.mark.parametrize(
    ("serve", "errors"),
    [
        (speak_plainly, {"SSLError"}),
        (hang_up, {"SSLError", "EndpointConnectionError"}),
    ],
)
def test_a_handshake_that_fails_sent_nothing(
    peers: Peers,
    sender_to: Senders,
    serve: Callable[[socket.socket], None],
    errors: set[str],
) -> None:
    outcome = sender_to(localhost(peers(serve))).send(REQUEST)
    assert_not_sent(outcome, errors)


def test_a_handshake_that_does_not_end_in_time_sent_nothing(
    peers: Peers, sender_to: Senders
) -> None:
    sender = sender_to(localhost(peers(stay_silent)), connect_timeout_seconds=0.2)
    assert_not_sent(sender.send(REQUEST), {"ConnectTimeoutError"})


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "rubbish", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\0\2\2\x28"]
)
def test_tls_that_breaks_after_the_request_may_have_sent_it(
    peers: Peers, sender_to: Senders, tls: ssl.SSLContext, rubbish: bytes
) -> None:
    def serve(connection: socket.socket) -> None:
        raw = connection.dup()
        secured = tls.wrap_socket(connection, server_side=True)
        read_head(secured)
        raw.sendall(rubbish)
        raw.close()
        secured.close()

    outcome = sender_to(localhost(peers(serve))).send(REQUEST)
    assert isinstance(outcome, Unknown)
    assert outcome.why.code == "ConnectionClosedError"


def test_a_bundle_that_cannot_be_read_is_said_at_the_start(
    sender_to: Senders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with pytest.raises(ConfigurationError, match=r"missing\.pem.*AWS_CA_BUNDLE"):
        sender_to("https://localhost:1")


def test_a_forwarding_proxy_gets_the_whole_url_and_its_password(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = peers()
    monkeypatch.setenv("http_proxy", f"http://ada:secret@{peer.address}")
    assert sender_to("http://ses.test").send(REQUEST) == Sent("0102")
    [head] = peer.heads
    assert head.startswith(b"POST http://ses.test/v2/email/outbound-emails HTTP/1.1\r\n")
    assert b"\r\nHost: ses.test\r\n" in head
    assert b"\r\nProxy-Authorization: Basic YWRhOnNlY3JldA==\r\n" in head


@pytest.mark.usefixtures("trusted")
def test_a_forwarding_proxy_may_speak_tls(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    def serve(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as secured:
            peer.serve_requests(secured)

    peer = peers(serve)
    monkeypatch.setenv("http_proxy", localhost(peer))
    assert sender_to("http://ses.test").send(REQUEST) == Sent("0102")
    assert peer.heads[0].startswith(b"POST http://ses.test/")


@pytest.mark.usefixtures("trusted")
def test_through_a_tunnel_the_proxy_sees_nothing_and_ses_no_password(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as secured:
            peer.serve_requests(secured)

    peer = peers(serve)
    monkeypatch.setenv("https_proxy", f"http://ada:secret@{peer.address}")
    sender = sender_to("https://ses.test")
    assert [sender.send(REQUEST) for _ in range(3)] == [Sent("0102")] * 3
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT ses.test:443 HTTP/1.")
    assert b"\r\nProxy-Authorization: Basic YWRhOnNlY3JldA==\r\n" in asked[0]
    assert peer.heads[0].startswith(b"POST /v2/email/outbound-emails HTTP/1.1\r\n")
    assert b"Proxy-Authorization" not in peer.heads[0]


@pytest.mark.usefixtures("trusted")
def test_a_tunnel_may_lead_through_a_proxy_that_speaks_tls_itself(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    def serve(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as secured:
            ses.serve_requests(secured)

    def tunnel(connection: socket.socket) -> None:
        host, _, port = ses.address.partition(":")
        with (
            tls.wrap_socket(connection, server_side=True) as secured,
            socket.create_connection((host, int(port))) as onward,
        ):
            read_head(secured)
            secured.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, secured))
            back.start()
            pump(secured, onward)
            back.join()

    ses, proxy = peers(serve), peers(tunnel)
    monkeypatch.setenv("https_proxy", localhost(proxy))
    assert sender_to("https://ses.test").send(REQUEST) == Sent("0102")


def test_a_proxy_that_refuses_has_passed_nothing_on(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 407 Authentication Required\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.setenv("https_proxy", f"http://{peers(serve).address}")
    outcome = sender_to("https://ses.test").send(REQUEST)
    assert_not_sent(outcome, {"ProxyConnectionError"})


@pytest.mark.parametrize("url", ["https://ses.test", "http://ses.test"])
def test_a_proxy_that_is_away_has_passed_nothing_on(
    sender_to: Senders, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    outcome = sender_to(url).send(REQUEST)
    assert_not_sent(outcome, {"ProxyConnectionError"})


def test_no_proxy_is_honoured(
    peers: Peers, sender_to: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = peers()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert sender_to(f"http://{peer.address}").send(REQUEST) == Sent("0102")
