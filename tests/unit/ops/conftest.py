"""The command line, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ops.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs `mailsluice` with these arguments."""
    runner = CliRunner()

    def run_command(*arguments: object, stdin: str | None = None) -> Result:
        return runner.invoke(app, [str(each) for each in arguments], input=stdin)

    return run_command
