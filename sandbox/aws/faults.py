"""Rules that make calls fail: before, after or instead of doing them."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from sandbox.aws.http import HangUp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.aws.http import Reply
    from sandbox.aws.service import Call, Service

Kind = Literal["status", "cut", "hang", "slow", "lose_answer", "error_after"]
KINDS: tuple[str, ...] = get_args(Kind)

_HANG_POLL_SECONDS = 0.05


@dataclass(slots=True)
class FaultRule:
    """One order to misbehave.

    Attributes:
        action: An API name, or `*` for every operation of the service.
        times: How many more calls it hits; None means until cleared.
        queue: Only calls about this queue, where given.
        probability: Share of the matching calls that are hit, drawn from `seed`.
    """

    service: str
    action: str
    kind: Kind
    status: int = 500
    code: str = "InternalFailure"
    message: str = "The request processing has failed because of an unknown error."
    seconds: float = 0.0
    times: int | None = None
    queue: str | None = None
    probability: float = 1.0
    seed: int | None = None
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  a fault's dice, not a secret

    def hits(self, service: str, call: Call) -> bool:
        """Whether this call is to be hit; uses up one of `times` if so."""
        if self.times == 0 or self.service != service or self.action not in {"*", call.action}:
            return False
        if self.queue is not None and self.queue != call.queue:
            return False
        if self.probability < 1.0 and self.chance.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FaultBook:
    """All rules in force, the oldest first, and the calls that hang because of them."""

    def __init__(self) -> None:
        self._rules: dict[str, FaultRule] = {}
        self._numbers = itertools.count(1)
        self._released = asyncio.Event()

    def add(self, rule: FaultRule) -> str:
        rule_id = f"fault-{next(self._numbers)}"
        self._rules[rule_id] = rule
        return rule_id

    def clear(self) -> None:
        """Forget all rules and cut every connection that hangs."""
        self._rules.clear()
        self._released.set()
        self._released = asyncio.Event()

    def match(self, service: str, call: Call) -> FaultRule | None:
        if not self._rules:
            return None
        return next((rule for rule in self._rules.values() if rule.hits(service, call)), None)

    async def hang(self, seconds: float, is_gone: Callable[[], bool]) -> None:
        """Return when the rules are cleared, the client gives up, or after `seconds` above zero."""
        deadline = time.monotonic() + seconds if seconds > 0 else float("inf")
        released = asyncio.ensure_future(self._released.wait())
        try:
            while not (released.done() or is_gone()) and time.monotonic() < deadline:
                timeout = min(_HANG_POLL_SECONDS, deadline - time.monotonic())
                await asyncio.wait([released], timeout=timeout)
        finally:
            released.cancel()


async def misbehave(
    rule: FaultRule,
    book: FaultBook,
    service: Service,
    call: Call,
    do: Callable[[], Awaitable[Reply]],
) -> Reply:
    """Answer one call as its rule says.

    Args:
        rule: The rule that hit the call.
        book: Where hanging calls wait to be released.
        service: Gives errors their wire format.
        call: The call that was hit.
        do: Does it.

    Raises:
        HangUp: The connection is to be closed without an answer.
    """
    if rule.kind == "cut":
        raise HangUp("cut")
    if rule.kind == "hang":
        await book.hang(rule.seconds, call.request.is_gone)
        raise HangUp("hang")
    if rule.kind == "status":
        return service.error(rule.status, rule.code, rule.message)
    reply = await do()
    if rule.kind == "lose_answer":
        raise HangUp("lost")
    if rule.kind == "error_after":
        return service.error(rule.status, rule.code, rule.message)
    await asyncio.sleep(rule.seconds)
    return reply
