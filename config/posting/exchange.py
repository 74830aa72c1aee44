"""One HTTP/1.1 POST at a time over connections that stay open, and nothing ever sent twice.

The exchange is our own, because only so can it be told exactly whether a request had begun to
leave, and because it is most of what a call costs. It speaks the part of RFC 9112 that a client
of one JSON API meets; an answer outside of it counts as lost, which is the safe side.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from botocore import exceptions as boto
from urllib3.connection import HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from urllib3.connection import HTTPConnection

    from config.posting.connecting import Endpoint

# AWS closes idle connections, some of its services after five seconds; a request that crosses the
# closing on its way is lost without anybody knowing.
_REUSE_WITHIN_SECONDS = 4.0
_RECEIVE_BYTES = 65_536
_MOST_HEAD_BYTES = 65_536
# An answer of SES is small; one of SQS has ten messages of a MiB each, and their JSON escapes.
MOST_BODY_BYTES = 1_048_576

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101
_STATUSES_WITHOUT_BODY = frozenset({204, 304})


class TooLateError(Exception):
    """The moment up to which the request might have left has passed: it has not left."""


class NotUnderstoodError(Exception):
    """What came back is no HTTP/1.1 answer, or ends in its middle."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole. The names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


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
            is_sent_whole = _send(connection.sock, request, deadline)
            answer, is_persistent = _Reader(connection.sock, deadline, self._most_body_bytes).read()
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


class _Reader:
    """Reads one answer from a socket."""

    def __init__(
        self, sock: socket.socket, deadline: float, most_body_bytes: int = MOST_BODY_BYTES
    ) -> None:
        self._sock = sock
        self._deadline = deadline
        self._most_body_bytes = most_body_bytes
        self._pending = bytearray()

    def read(self) -> tuple[Answer, bool]:
        """The answer, and whether the connection may carry another request."""
        status, headers, is_persistent = self._head()
        while status < _FIRST_FINAL_STATUS:
            if status == _SWITCHING_PROTOCOLS:
                raise NotUnderstoodError("The other side switched to another protocol.")
            status, headers, is_persistent = self._head()
        answer = Answer(status, headers, self._body(status, headers))
        return answer, is_persistent and not self._pending

    def _head(self) -> tuple[int, dict[str, str], bool]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status_line = _STATUS_LINE.fullmatch(first)
        if status_line is None:
            raise NotUnderstoodError("The answer does not begin with a status line.")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise NotUnderstoodError("A line among the headers is none.")
            headers[name.lower()] = value.strip()
        is_closing = status_line[1] == "0" or "close" in headers.get("connection", "").lower()
        return int(status_line[2]), headers, not is_closing

    def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if status in _STATUSES_WITHOUT_BODY:
            return b""
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise NotUnderstoodError("The answer has a transfer encoding that is not chunked.")
            return self._chunks()
        length = _LENGTH.fullmatch(headers.get("content-length", ""))
        if length is None:
            raise NotUnderstoodError("The answer does not say how long it is.")
        return self._exactly(int(length[0]))

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n" or len(body) > self._most_body_bytes:
                raise NotUnderstoodError("A chunk is longer than it says, or all are too long.")
        while self._until(b"\r\n"):
            pass  # trailers
        return bytes(body)

    def _chunk_size(self) -> int:
        line = _CHUNK_LINE.fullmatch(self._until(b"\r\n"))
        if line is None:
            raise NotUnderstoodError("A chunk does not begin with its size.")
        return int(line[1], 16)

    def _until(self, mark: bytes) -> bytes:
        while (end := self._pending.find(mark)) < 0:
            if len(self._pending) > _MOST_HEAD_BYTES:
                raise NotUnderstoodError("The answer's headers are too long.")
            self._receive()
        return self._take(end, len(mark))

    def _exactly(self, length: int) -> bytes:
        if length > self._most_body_bytes:
            raise NotUnderstoodError("The answer is too long.")
        while len(self._pending) < length:
            self._receive()
        return self._take(length)

    def _take(self, length: int, after: int = 0) -> bytes:
        found = bytes(self._pending[:length])
        del self._pending[: length + after]
        return found

    def _receive(self) -> None:
        self._sock.settimeout(_seconds_left(self._deadline))
        received = self._sock.recv(_RECEIVE_BYTES)
        if not received:
            raise NotUnderstoodError("The connection was closed before the answer was whole.")
        self._pending += received


def _send(sock: socket.socket, request: bytes, deadline: float) -> bool:
    """Send the request; whether all of it went."""
    sock.settimeout(_seconds_left(deadline))
    try:
        sock.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        # Whoever hangs up on a request, for its size maybe, may have answered it first.
        return False
    return True


def _seconds_left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("The answer was not whole in time.")
    return left


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
