"""The simulator knows when it stood still itself."""

from __future__ import annotations

import asyncio
import threading

from sandbox.aws.stalls import LEAST_SECONDS, TICK_SECONDS, StallWatch

HELD_UP_SECONDS = 5 * (LEAST_SECONDS + TICK_SECONDS)


async def held_up() -> StallWatch:
    stalls = StallWatch()
    watching = asyncio.create_task(stalls.watch())
    await asyncio.sleep(0)
    threading.Event().wait(HELD_UP_SECONDS)
    await asyncio.sleep(TICK_SECONDS)
    watching.cancel()
    return stalls


def test_a_simulator_that_was_held_up_says_when_and_for_how_long() -> None:
    stall = asyncio.run(held_up()).seen[0]
    assert HELD_UP_SECONDS - TICK_SECONDS <= stall.seconds <= stall.at
