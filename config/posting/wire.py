"""An open connection that is read and written by a deadline."""

from __future__ import annotations

import select
import socket
import ssl
from time import monotonic

_RECEIVE_BYTES = 65_536
_AGAIN_WHEN_READABLE = (BlockingIOError, ssl.SSLWantReadError)
_AGAIN_WHEN_WRITABLE = (BlockingIOError, ssl.SSLWantWriteError)


class Wire:
    """A connected socket, plain or TLS, for one thread at a time.

    The socket does not block, and is waited for here: a time-out of the socket's own would cost
    three times as many calls that let go of the interpreter, for which all threads then contend.
    TLS within TLS, to a proxy, is no socket but looks like one: it keeps its time-outs.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._is_socket = isinstance(sock, socket.socket)
        if self._is_socket and sock.gettimeout() != 0:
            sock.settimeout(0)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of it by a moment of the monotonic clock.

        Raises:
            TimeoutError: it has passed; a part may have left.
            OSError: the connection is broken.
        """
        if not self._is_socket:
            self._sock.settimeout(seconds_left(deadline))
            self._sock.sendall(data)
            return
        rest = memoryview(data)
        while rest:
            seconds_left(deadline)
            try:
                rest = rest[self._sock.send(rest) :]
            except _AGAIN_WHEN_WRITABLE:
                self._wait(select.POLLOUT, deadline)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, deadline)

    def receive(self, deadline: float) -> bytes:
        """What comes next; empty at the end.

        Raises:
            TimeoutError: nothing came by that moment of the monotonic clock.
            OSError: the connection is broken.
        """
        if not self._is_socket:
            self._sock.settimeout(seconds_left(deadline))
            return self._sock.recv(_RECEIVE_BYTES)
        if not self._holds_some():
            self._wait(select.POLLIN, deadline)
        while True:
            try:
                return self._sock.recv(_RECEIVE_BYTES)
            except _AGAIN_WHEN_READABLE:
                self._wait(select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def _holds_some(self) -> bool:
        """TLS may have decrypted more than was asked for: nothing on the socket tells of it."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def _wait(self, until: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._sock, until)
        if not poll.poll(1000 * seconds_left(deadline)):
            raise TimeoutError("The other side was not ready in time.")


def seconds_left(deadline: float) -> float:
    """Until a moment of the monotonic clock.

    Raises:
        TimeoutError: it has passed.
    """
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("The answer was not whole in time.")
    return left
