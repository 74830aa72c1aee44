"""One HTTP/1.1 POST at a time over connections that stay open, with nothing ever sent twice.

urllib3 opens the connections (names, TLS, proxies). The exchange on them is our own, because only
so can it be told exactly whether a request had begun to leave, and because it is most of what a
call costs. It is the part of RFC 9112 that a client of one JSON API meets; any answer outside of
it counts as lost, which is the safe side.

Errors are botocore's, the vocabulary of `worker.ses.classify`:

* nothing was sent: `EndpointConnectionError`, `ConnectTimeoutError`, `ProxyConnectionError`, or
  `SSLError` for a failed handshake;
* the request may have arrived: `ReadTimeoutError`, `ConnectionClosedError`.
"""

from __future__ import annotations

import re
import ssl
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from botocore import exceptions as boto
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from urllib3.connection import HTTPConnection

    from worker.ses.route import Route

# AWS closes idle connections, some services after five seconds, and a request that crosses the
# closing on its way is lost without anybody knowing.
_REUSE_WITHIN_SECONDS = 4.0
_RECEIVE_BYTES = 65_536
_MOST_HEAD_BYTES = 65_536
_MOST_BODY_BYTES = 1_048_576

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;.*)?")
_SWITCHING_PROTOCOLS = 101
_FINAL = 200
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, whole. The names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NotUnderstoodError(Exception):
    """What came back is no HTTP/1.1 response, or ends in its middle."""
