"""Kills random processes at random moments."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.chaos.keeper import Keeper


def rage(keeper: Keeper, *, kills: int, seconds: float, seed: int) -> int:
    """Kill so many processes, of whatever kind, spread over so many seconds; answers how many.

    Whom and when the dice say, which begin with `seed`; which thread is where when the kill
    comes is the machine's own dice.
    """
    dice = random.Random(seed)  # noqa: S311  no secret
    pause = threading.Event()
    ends_at = time.monotonic() + seconds
    done_before = keeper.kills
    while keeper.kills - done_before < kills and time.monotonic() < ends_at:
        pause.wait(dice.expovariate(kills / seconds))
        running = keeper.running()
        if running:
            keeper.kill(dice.choice(running))
    return keeper.kills - done_before
