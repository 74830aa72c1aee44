"""Reads one HTTP/1.1 answer from a connection, by a deadline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.posting.wire import Wire

_MOST_HEAD_BYTES = 65_536
# An answer of SES is small; one of SQS has ten messages of a MiB each, and their JSON escapes.
MOST_BODY_BYTES = 1_048_576

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101
_STATUSES_WITHOUT_BODY = frozenset({204, 304})


class NotUnderstoodError(Exception):
    """What came back is no HTTP/1.1 answer, or ends in its middle."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole. The names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Reader:
    """Reads one answer from a connection."""

    def __init__(self, wire: Wire, deadline: float, most_body_bytes: int = MOST_BODY_BYTES) -> None:
        self._wire = wire
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
        received = self._wire.receive(self._deadline)
        if not received:
            raise NotUnderstoodError("The connection was closed before the answer was whole.")
        self._pending += received
