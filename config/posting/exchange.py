"""One HTTP/1.1 POST at a time over connections that stay open, and nothing ever sent twice.

The exchange is our own, because only so can it be told exactly whether a request had begun to
leave, and because it is most of what a call costs. It speaks the part of RFC 9112 that a client
of one JSON API meets; an answer outside of it counts as lost, which is the safe side.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from botocore import exceptions as boto
from urllib3.connection import HTTPSConnection

from config.posting.reading import MOST_BODY_BYTES, Answer, NotUnderstoodError, Reader
from config.posting.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.connection import HTTPConnection

    from config.posting.connecting import Endpoint

# AWS closes idle connections, some of its services after five seconds; a request that crosses the
# closing on its way is lost without anybody knowing.
_REUSE_WITHIN_SECONDS = 4.0


class TooLateError(Exception):
    """The moment up to which the request might have left has passed: it has not left."""


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection that has carried nothing since that moment (monotonic clock).

    A new one with TLS 1.3 has something to read, which on others means that the other side closes.
    """

    connection: HTTPConnection
    since: float
    is_new: bool = False

    @property
    def is_good(self) -> bool:
        """Whether a request may be trusted to it: the other side has not begun to close it."""
        is_young = monotonic() - self.since < _REUSE_WITHIN_SECONDS
        return is_young and (self.is_new or self.connection.is_connected)


class Exchange:
    """POSTs to one endpoint. Thread-safe: each call has a connection to itself."""

    def __init__(
        self,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        *,
        read_timeout_seconds: float,
        most_idle: int,
        most_body_bytes: int = MOST_BODY_BYTES,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            endpoint: Where to.
            headers: What goes with every request.
            read_timeout_seconds: From the first byte of a request to the last of its answer.
            most_idle: How many connections are kept open.
            most_body_bytes: Longer answers count as not understood.
        """
        self._endpoint = endpoint
        self._most_body_bytes = most_body_bytes
        self._read_timeout_seconds = read_timeout_seconds
        self._most_idle = most_idle
        # The last one used is the first one taken, so that a few stay warm and the rest goes.
        self._idle: deque[Line] = deque()
        lines = _lines({**endpoint.headers, **headers, "Accept-Encoding": "identity"})
        self._request_begins = f"POST {endpoint.target} HTTP/1.1\r\n{lines}"

    def connect(self) -> Line:
        """An open connection to carry one request, for `post` or `keep`.

        Raises:
            botocore.exceptions.BotoCoreError: One of those of `Endpoint.connect`.
        """
        line = self._kept()
        if line is not None:
            return line
        connection = self._endpoint.connect()
        return Line(connection, monotonic(), is_new=isinstance(connection, HTTPSConnection))

    def post(
        self,
        headers: Mapping[str, str],
        body: bytes,
        line: Line | None = None,
        *,
        not_after: float | None = None,
    ) -> Answer:
        """Send one request, once, and wait for its answer, whatever its status.

        `line` is a connection of `connect`; one that has grown too old meanwhile is replaced.
        `not_after` is a moment of the monotonic clock, looked at last thing before the first byte.

        Raises:
            TooLateError: That moment has passed; nothing was sent.
            botocore.exceptions.BotoCoreError: One of those of `Endpoint.connect`: nothing was sent.
            botocore.exceptions.ReadTimeoutError: No whole answer in time. It may have arrived.
            botocore.exceptions.ConnectionClosedError: No whole answer, or none that could be
                understood. The request may have arrived.
        """
        length = f"Content-Length: {len(body)}\r\n\r\n"
        request = f"{self._request_begins}{_lines(headers)}{length}".encode("ascii") + body
        connection = self._usable(line or self.connect())
        is_reusable = False
        if not_after is not None and monotonic() > not_after:
            connection.close()
            raise TooLateError
        try:
            deadline = monotonic() + self._read_timeout_seconds
            wire = Wire(connection.sock)
            is_sent_whole = _send(wire, request, deadline)
            answer, is_persistent = Reader(wire, deadline, self._most_body_bytes).read()
            is_reusable = is_sent_whole and is_persistent
        except TimeoutError as error:
            raise boto.ReadTimeoutError(endpoint_url=self._endpoint.url, error=error) from error
        except (OSError, NotUnderstoodError) as error:
            raise boto.ConnectionClosedError(
                endpoint_url=self._endpoint.url, error=error
            ) from error
        finally:
            self.keep(Line(connection, monotonic())) if is_reusable else connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().connection.close()

    def keep(self, line: Line) -> None:
        """Nothing more is to go out on this connection now: keep it for the next request."""
        if len(self._idle) < self._most_idle:
            self._idle.append(line)
        else:
            line.connection.close()

    def _kept(self) -> Line | None:
        """An open connection, if there is one that the other side has not begun to close."""
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            if line.is_good:
                return line
            line.connection.close()

    def _usable(self, line: Line) -> HTTPConnection:
        if line.is_good:
            return line.connection
        line.connection.close()
        return self.connect().connection


def _send(wire: Wire, request: bytes, deadline: float) -> bool:
    """Send the request; whether all of it went."""
    try:
        wire.send(request, deadline)
    except (BrokenPipeError, ConnectionResetError):
        # Whoever hangs up on a request, for its size maybe, may have answered it first.
        return False
    return True


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
