"""What provisioning did, or would do, to one resource."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a resource; in a dry run, what would become of it."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Step:
    """One resource. `details` says what was changed, or what a person should know of it."""

    kind: str
    name: str
    outcome: Outcome
    details: tuple[str, ...] = field(default=())


def outcome_of(*, existed: bool, changes: tuple[str, ...]) -> Outcome:
    """The outcome for a resource that was there before, or not, and its changes."""
    if not existed:
        return Outcome.CREATED
    return Outcome.CHANGED if changes else Outcome.UNCHANGED
