"""Failpoints: named places at which a process can be told to fail, for tests of its promises.

Inert unless MAILSLUICE_FAILPOINTS names one, as `after_accepted=kill` or `before_record=raise@3`:
the action, and at which passage (from 1) it happens. Several are separated by commas.
`before_claim=kill#ID` happens at each passage of a thread that works at the message of that id.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field

from config.errors import ConfigurationError

VARIABLE = "MAILSLUICE_FAILPOINTS"

POINTS = frozenset(
    {
        "before_claim",
        "after_claim",
        "before_post",
        "after_accepted",
        "before_record",
        "after_record",
        "before_delete",
        "in_heartbeat",
        "in_sweep",
        "in_event_commit",
        "in_pacing",
        "in_shutdown",
    }
)

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
ACTIONS = frozenset({*_SIGNALS, "raise"})


class FailpointError(Exception):
    """A failpoint was told to raise."""


@dataclass
class Failpoint:
    """What happens at one place, and at which passage."""

    action: str
    passage: int = 1
    message_id: str = ""
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pass_by(self) -> None:
        """Count the passage, and fail at the one that was asked for."""
        if not self._is_due():
            return
        if self.action == "raise":
            raise FailpointError(self.action)
        os.kill(os.getpid(), _SIGNALS[self.action])

    def _is_due(self) -> bool:
        if self.message_id:
            return self.message_id == getattr(_about, "message_id", None)
        with self.lock:
            self.passed += 1
            return self.passed == self.passage


_armed: dict[str, Failpoint] = {}
_about = threading.local()


def arm(text: str) -> None:
    """Arm the failpoints that a text names; an empty one disarms all.

    Raises:
        ConfigurationError: a place, an action or a number that there is not.
    """
    _armed.clear()
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, what = item.partition("=")
        what, _, message_id = what.partition("#")
        action, _, passage = what.partition("@")
        if name not in POINTS or action not in ACTIONS or not (passage or "1").isdigit():
            raise ConfigurationError(
                f"{VARIABLE}: {item!r} is no failpoint. Write PLACE=ACTION, PLACE=ACTION@PASSAGE "
                f"or PLACE=ACTION#MESSAGE_ID; places are {', '.join(sorted(POINTS))}; "
                f"actions {', '.join(sorted(ACTIONS))}."
            )
        _armed[name] = Failpoint(action, int(passage or 1), message_id)


def arm_from_environment(*, only_of_messages: bool = False) -> None:
    """Arm what the environment names. Raises like `arm`.

    A process that was started by another, and inherits its environment, arms `only_of_messages`:
    passages are counted in the process that was told to fail.
    """
    named = os.environ.get(VARIABLE, "").split(",")
    arm(",".join(item for item in named if "#" in item or not only_of_messages))


def failpoint(name: str) -> None:
    """A place at which the process can be told to fail; nearly free when it is not."""
    if _armed and name in _armed:
        _armed[name].pass_by()


def now_about(job: object) -> None:
    """This thread works at this job from now on; for failpoints of one message."""
    if _armed:
        _about.message_id = str(job.get("id")) if isinstance(job, dict) else None
