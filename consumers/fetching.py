"""Fetches a certificate over HTTPS, by the proxy and the authorities that botocore would use."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from config.posting.connecting import Endpoint
from consumers.errors import CertificateUnavailableError

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 5.0
MOST_BYTES = 65_536

# These pass; any other answer of the 4xx says that there is nothing at this address.
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})

log = structlog.get_logger(__name__)


def fetch(url: str) -> bytes | None:
    """What is at the address; None if there is nothing, or only a redirect, which is not followed.

    Raises:
        CertificateUnavailableError: nobody can tell at this moment.
    """
    try:
        status, body = _get(url)
    except Exception as error:  # noqa: BLE001  whatever it is says nothing about the message
        log.warning("a certificate cannot be fetched", error=type(error).__name__)
        raise CertificateUnavailableError from None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        log.warning("a certificate cannot be fetched", status=status)
        raise CertificateUnavailableError(host_is_away=False)
    return body if status == HTTPStatus.OK and len(body) <= MOST_BYTES else None


def _get(url: str) -> tuple[int, bytes]:
    endpoint = Endpoint(url, connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS)
    connection = endpoint.connect()
    try:
        return _exchange(connection, endpoint)
    finally:
        connection.close()


def _exchange(connection: HTTPConnection, endpoint: Endpoint) -> tuple[int, bytes]:
    connection.timeout = READ_TIMEOUT_SECONDS
    if connection.sock is not None:
        connection.sock.settimeout(READ_TIMEOUT_SECONDS)
    headers = {**endpoint.headers, "Accept-Encoding": "identity", "Connection": "close"}
    connection.request("GET", endpoint.target, headers=headers, preload_content=False)
    answer = connection.getresponse()
    return answer.status, answer.read(MOST_BYTES + 1)
