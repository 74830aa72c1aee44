"""Peers on the other end of a socket that do as they are told, with TLS if wanted."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config import aws
from config.settings import load_settings
from worker.ses.post import SesPost
from worker.ses.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Serve = Callable[[socket.socket], None]

ACCEPTED = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"MessageId": "0102"}'


def read_head(connection: socket.socket) -> bytes:
    """A request's head; b"" when the client has hung up."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def read_request(connection: socket.socket) -> bytes:
    """A request's head, its body read and dropped; b"" when the client has hung up."""
    head = read_head(connection)
    length = re.search(rb"Content-Length: (\d+)", head)
    left = int(length[1]) if length else 0
    while left > 0:
        left -= len(connection.recv(left))
    return head


class Peer:
    """Listens, and serves every connection on a thread of its own."""

    def __init__(self, serve: Serve | None) -> None:
        self._serve = serve or self.serve_requests
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepted: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[bytes] = []

    @property
    def connections(self) -> int:
        return len(self._accepted)

    def serve_requests(self, connection: socket.socket, answer: bytes = ACCEPTED) -> None:
        """Answer one request after another, and keep their heads."""
        while head := read_request(connection):
            self.heads.append(head)
            connection.sendall(answer)

    def stop(self) -> None:
        for each in (self._listener, *self._accepted):
            with suppress(OSError):  # it may be closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._accepted.append(connection)
            self._threads.append(threading.Thread(target=self._run, args=(connection,)))
            self._threads[-1].start()

    def _run(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # in some tests the client hangs up first
            self._serve(connection)


@pytest.fixture
def peers() -> Iterator[Callable[..., Peer]]:
    """Makes peers, which accept every message unless told otherwise, and ends them."""
    made: list[Peer] = []

    def make(serve: Serve | None = None) -> Peer:
        made.append(Peer(serve))
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


@pytest.fixture
def sender_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sender]]:
    """Makes our sender for an endpoint, with the default time-outs unless told otherwise."""
    made: list[SesPost] = []

    def make(url: str, **settings: Any) -> Sender:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url)
        loaded = load_settings(**settings)
        made.append(SesPost(aws.ses_sender(loaded), loaded))
        return Sender(made[-1])

    yield make
    for post in made:
        post.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and ses.test with its key, that only AWS_CA_BUNDLE may trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test")])
    now = datetime.now(UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("ses.test")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def tls(authority: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority)
    return context
