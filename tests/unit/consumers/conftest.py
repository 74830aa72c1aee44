"""The sample events, one file each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A sample event by its name."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())
