"""A wrong clock for one process of ours, whatever the host's says.

Only what Python code reads is forged (`time.time`, `datetime.now`, …): a process of ours has no
other way to ask. The monotonic clock and the database's stay as they are.
"""

from __future__ import annotations

from pathlib import Path

SHIFT = "MAILSLUICE_CHAOS_CLOCK_SHIFT_SECONDS"


def wrong_by(hours: float) -> dict[str, str]:
    """The environment of a process whose clock goes wrong by so many hours."""
    # Python imports a module `sitecustomize` at its start, before anything of ours.
    return {"PYTHONPATH": str(Path(__file__).parent), SHIFT: str(hours * 3600)}
