"""What every service of the simulator sees of HTTP: a request, a reply, and the wish to hang up."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT_ID = "000000000000"
DEFAULT_REGION = "us-east-1"

_CREDENTIAL_SCOPE = re.compile(r"Credential=([^/,]+)/[0-9]+/([a-z0-9-]+)/")


def _never() -> bool:
    return False


@dataclass(slots=True)
class Request:
    """One HTTP request, read to its end.

    Attributes:
        path: Percent-encoded path, without the query string.
        query: Raw query string, possibly empty.
        headers: Case-insensitive header mapping.
        is_gone: Tells whether the peer has closed the connection meanwhile.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    is_gone: Callable[[], bool] = _never

    @property
    def base_url(self) -> str:
        """The endpoint under which the client reached us, without a trailing slash."""
        return "http://" + self.headers.get("Host", "127.0.0.1")

    @property
    def region(self) -> str:
        """The region of the request's credential scope."""
        scope = _CREDENTIAL_SCOPE.search(self.headers.get("Authorization", ""))
        return scope.group(2) if scope else DEFAULT_REGION


@dataclass(slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


class HangUp(Exception):  # noqa: N818  an order to the server, not an error of the caller
    """Close the connection without an answer.

    Attributes:
        outcome: How the call is counted: `cut`, `hang` or `lost`.
    """

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def new_request_id() -> str:
    return str(uuid.uuid4())
