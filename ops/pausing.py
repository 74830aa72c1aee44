"""The operator's word at the gates: pause and resume, each for a stream or for everything.

What an operator notes is part of the gate's reason, so whoever asks why it is shut reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db import gates, standings
from ops.output import cell
from ops.times import duration, seconds_from_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from db.gates import ShutGate

_NOTED = f"{gates.OPERATOR}: "


@dataclass(frozen=True)
class Paused:
    """What a pause came to. `before` and `now` are the operator's gates of the scope alone."""

    before: list[ShutGate]
    now: list[ShutGate]

    @property
    def changed(self) -> bool:
        """Whether it is shut for longer, or for more reasons, than it was."""
        earlier = {gate.reason: gate.seconds for gate in self.before}
        return any(
            gate.reason not in earlier or _is_longer(gate.seconds, earlier[gate.reason])
            for gate in self.now
        )


@dataclass(frozen=True)
class Resumed:
    """What a resume came to. `shut_by` is what still shuts it, or some of it.

    `was_bad`: its rates of bounces or complaints had shut it.
    """

    was_paused: bool
    was_bad: bool
    shut_by: list[ShutGate]


def pause(engine: Engine, scope: str, *, seconds: float | None, note: str | None) -> Paused:
    """Shut the gate of a stream, or of `*`; a pause that lasts longer already stays as it is."""
    before = _pauses(gates.all_shut(engine), scope)
    gates.shut(engine, scope, reason=_NOTED + note if note else gates.OPERATOR, seconds=seconds)
    return Paused(before, _pauses(gates.all_shut(engine), scope))


def resume(engine: Engine, scope: str, *, hold_seconds: float) -> Resumed:
    """Take the operator's reasons away, and that of the rates; others may keep the gate shut.

    For `hold_seconds` the rates do not shut again what they had.
    """
    opened = [
        gates.open_again(engine, scope, reason=gate.reason)
        for gate in _pauses(gates.all_shut(engine), scope)
    ]
    was_bad = standings.resume(engine, scope, hold_seconds=hold_seconds)
    return Resumed(any(opened), was_bad, _affecting(gates.all_shut(engine), scope))


def can_be_resumed(gate: ShutGate) -> bool:
    """Whether `resume` opens it."""
    return is_operators(gate) or gate.reason == gates.REPUTATION


def is_operators(gate: ShutGate) -> bool:
    """Whether an operator shut it."""
    return gate.reason == gates.OPERATOR or gate.reason.startswith(_NOTED)


def told(gate: ShutGate) -> str:
    """Why, since when and until when: `quota (for 3 min 0 s; 57 s more, until 2030-... UTC)`."""
    return f"{gate.reason} (for {duration(gate.shut_for_seconds)}; {left(gate)})"


def left(gate: ShutGate) -> str:
    """For how long the gate is shut."""
    if gate.seconds is None:
        return "until it is resumed"
    if gate.is_probing:
        return "single messages try whether it may open"
    if gate.expected_seconds is not None:
        return f"likely to open at {cell(seconds_from_now(gate.expected_seconds))}"
    if gate.reason == gates.REPUTATION:
        return "until its rates are down, or it is resumed"
    if gate.reason == gates.QUOTA:
        return f"looked at again within {duration(gate.seconds)}"
    return f"{duration(gate.seconds)} more, until {cell(seconds_from_now(gate.seconds))}"


def _pauses(shut: Sequence[ShutGate], scope: str) -> list[ShutGate]:
    return [gate for gate in shut if gate.scope == scope and is_operators(gate)]


def _affecting(shut: Sequence[ShutGate], scope: str) -> list[ShutGate]:
    """All gates for `*`, for each keeps a part of it shut; a stream's own, and those of `*`."""
    if scope == gates.EVERYTHING:
        return list(shut)
    return [gate for gate in shut if gate.scope in (scope, gates.EVERYTHING)]


def _is_longer(now: float | None, earlier: float | None) -> bool:
    """Seconds left at two moments: without a change there are fewer now."""
    return earlier is not None and (now is None or now > earlier)
