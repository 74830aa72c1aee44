"""A certificate is fetched once; what is none is refused, and an outage is waited out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consumers.certificates import (
    KEPT_SECONDS,
    MISSING_SECONDS,
    MOST_KEPT,
    PAUSE_SECONDS,
    Certificates,
)
from consumers.errors import CertificateUnavailableError, Refusal, UnreadableEventError
from consumers.fetching import MOST_BYTES, fetch
from sns_envelopes import DAY, NOW, URL, Clock, certificate, key

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = "https://sns.eu-west-1.amazonaws.com/other.pem"


@dataclass
class Host:
    """What answers for SNS; None in `answers` is an outage."""

    pem: bytes | None = b""
    is_away: bool = False
    fails_at: str | None = None
    asked: list[str] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __call__(self, url: str) -> bytes | None:
        self.asked.append(url)
        if self.is_away:
            raise CertificateUnavailableError
        if url == self.fails_at:
            raise CertificateUnavailableError(host_is_away=False)
        return self.pem

    def certificates(self) -> Certificates:
        return Certificates(self, clock=self.clock)


@pytest.fixture
def host() -> Host:
    return Host(certificate())


def test_one_fetch_serves_many_messages(host: Host) -> None:
    certificates = host.certificates()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(certificates.get, [URL] * 50))
    assert len(set(map(id, found))) == 1
    assert host.asked == [URL]
    assert certificates.kept(URL) is found[0]
    assert found[0].key.public_numbers() == key().public_key().public_numbers()
    assert (found[0].valid_from, found[0].valid_until) == (NOW - DAY, NOW + DAY)


def test_what_was_never_fetched_is_not_known(host: Host) -> None:
    with pytest.raises(CertificateUnavailableError):
        host.certificates().kept(URL)
    assert host.asked == []


def test_a_certificate_is_asked_for_again_when_its_time_is_up(host: Host) -> None:
    certificates = host.certificates()
    certificates.get(URL)
    host.clock.now += KEPT_SECONDS
    with pytest.raises(CertificateUnavailableError):
        certificates.kept(URL)
    certificates.get(URL)
    assert len(host.asked) == 2


def test_the_cache_does_not_grow_for_ever(host: Host) -> None:
    certificates = host.certificates()
    for number in range(3 * MOST_KEPT):
        certificates.get(f"{URL}{number}")
    assert len(certificates._kept) == MOST_KEPT


def test_a_failed_fetch_is_an_outage_and_passes(host: Host) -> None:
    certificates = host.certificates()
    host.is_away = True
    with pytest.raises(CertificateUnavailableError):
        certificates.get(URL)
    host.is_away = False
    host.clock.now += PAUSE_SECONDS
    assert certificates.get(URL)


def test_a_host_that_is_away_is_not_asked_for_each_message(host: Host) -> None:
    certificates = host.certificates()
    host.is_away = True
    for url in [URL, URL, OTHER]:
        with pytest.raises(CertificateUnavailableError):
            certificates.get(url)
    assert host.asked == [URL]


def test_a_single_address_that_fails_keeps_no_other_waiting(host: Host) -> None:
    certificates = host.certificates()
    host.fails_at = OTHER
    for _ in range(2):
        with pytest.raises(CertificateUnavailableError):
            certificates.get(OTHER)
    assert certificates.get(URL)
    assert host.asked == [OTHER, URL]


def test_many_addresses_without_anything_do_not_drive_a_certificate_out(host: Host) -> None:
    certificates = host.certificates()
    certificates.get(URL)
    host.pem = None
    for number in range(2 * MOST_KEPT):
        with pytest.raises(UnreadableEventError):
            certificates.get(f"{URL}{number}")
    assert certificates.kept(URL)


def test_a_certificate_that_cannot_be_renewed_is_used_on(host: Host) -> None:
    certificates = host.certificates()
    first = certificates.get(URL)
    host.clock.now += KEPT_SECONDS
    host.is_away = True
    assert certificates.get(URL) is first
    assert certificates.kept(URL) is first


def test_where_there_is_nothing_it_is_asked_for_again_later(host: Host) -> None:
    certificates = host.certificates()
    pem, host.pem = host.pem, None
    for look_up in (certificates.get, certificates.kept):
        with pytest.raises(UnreadableEventError) as refused:
            look_up(URL)
        assert refused.value.refusal is Refusal.FORGED
    assert host.asked == [URL]
    host.pem = pem
    host.clock.now += MISSING_SECONDS
    assert certificates.get(URL)


@pytest.mark.parametrize(
    "name",
    ["sns.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn", "sns.eusc-de-east-1.amazonaws.eu"],
)
def test_a_certificate_of_sns_is_one(host: Host, name: str) -> None:
    host.pem = certificate(name)
    assert host.certificates().get(URL)


def of_an_elliptic_curve() -> bytes:
    return certificate(signer=ec.generate_private_key(ec.SECP256R1()))


def a_bare_key() -> bytes:
    return (
        key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"<html>",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        certificate("example.com"),
        certificate("sqs.amazonaws.com"),
        certificate("sns.amazonaws.com.example.com"),
        certificate("sns.example-amazonaws.com"),
        of_an_elliptic_curve(),
        a_bare_key(),
    ],
)
def test_what_is_no_certificate_of_sns_is_refused(host: Host, pem: bytes) -> None:
    host.pem = pem
    with pytest.raises(UnreadableEventError, match="no certificate of SNS"):
        host.certificates().get(URL)


class Server:
    """Answers every GET in one way, and counts them."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"PEM", dict[str, str]()
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.paths.append(self.path)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/x.pem"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def test_what_is_at_the_address_is_fetched(server: Server) -> None:
    assert fetch(server.url) == b"PEM"
    assert server.paths == ["/x.pem"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Server, status: int) -> None:
    server.status, server.headers = status, {"Location": server.url.replace("x.pem", "y.pem")}
    assert fetch(server.url) is None
    assert server.paths == ["/x.pem"]


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_an_address_without_anything_has_no_certificate(server: Server, status: int) -> None:
    server.status = status
    assert fetch(server.url) is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failing_host_is_an_outage(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(CertificateUnavailableError) as failed:
        fetch(server.url)
    assert not failed.value.host_is_away


def test_an_answer_without_end_is_not_read_to_its_end(server: Server) -> None:
    server.body = b"x" * (MOST_BYTES + 1)
    assert fetch(server.url) is None


def test_an_answer_that_breaks_off_is_an_outage(server: Server) -> None:
    server.headers = {"Transfer-Encoding": "chunked"}
    with pytest.raises(CertificateUnavailableError):
        fetch(server.url)


def test_a_host_that_is_not_there_is_an_outage(server: Server) -> None:
    server.close()
    with pytest.raises(CertificateUnavailableError):
        fetch(server.url)
    server.__init__()  # type: ignore[misc]  for the fixture to close


def test_tls_without_a_trusted_certificate_is_an_outage(server: Server) -> None:
    with pytest.raises(CertificateUnavailableError):
        fetch(server.url.replace("http:", "https:"))


def test_unusable_authorities_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(CertificateUnavailableError):
        fetch(URL)
