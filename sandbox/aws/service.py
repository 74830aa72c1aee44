"""The seam between the router and the three services."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sandbox.aws.http import Reply, Request


@dataclass(slots=True)
class Call:
    """One API call, recognised and parsed.

    Attributes:
        action: The API's own name of the operation, such as `SendMessage`.
        params: The parsed input; its shape is the service's own business.
        queue: Name of the queue concerned, where there is one.
    """

    action: str
    request: Request
    params: dict[str, Any] = field(default_factory=dict)
    queue: str | None = None


class Service(Protocol):
    """What the router needs of a service."""

    name: str

    @property
    def latency_seconds(self) -> float:
        """Time that every call takes on top of its own work."""

    def read(self, request: Request) -> Call:
        """Recognise the operation; never raises, an unknown one is named as it came."""

    async def run(self, call: Call) -> Reply:
        """Do the call; the service's own errors come back as replies."""

    def error(self, status: int, code: str, message: str) -> Reply:
        """An error in the service's wire format."""
