"""A process of ours can be given a wrong wall clock, and everything else of it stays right."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from sandbox.chaos.forged import wrong_by

LOOK = """
import datetime, json, time
now = datetime.datetime.now(datetime.timezone.utc)
print(json.dumps({
    "time": time.time(),
    "now": now.timestamp(),
    "monotonic": time.monotonic(),
    "given": time.gmtime(0).tm_year,
    "is_one": isinstance(now, datetime.datetime),
}))
"""


def test_the_wall_clock_is_wrong_and_the_monotonic_clock_is_not() -> None:
    seen = json.loads(
        subprocess.run(  # noqa: S603  our own text
            [sys.executable, "-c", LOOK], env=wrong_by(5), check=True, capture_output=True
        ).stdout
    )
    assert abs(seen["time"] - time.time() - 5 * 3600) < 60
    assert abs(seen["now"] - time.time() - 5 * 3600) < 60
    assert abs(seen["monotonic"] - time.monotonic()) < 60
    assert seen["given"] == 1970
    assert seen["is_one"]
