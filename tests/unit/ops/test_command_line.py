"""The overview, the help of each command, and commands that others add."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ops import loading
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

HEAVY = ("boto3", "botocore", "celery", "kombu", "sqlalchemy", "alembic", "aiohttp", "moto")
REFERENCE = Path(__file__).parents[3] / "docs" / "command-line.md"


def commands() -> list[tuple[str, ...]]:
    groups = {
        "suppressions": (
            *("list", "show", "add", "remove", "history", "import", "export", "sync", "drift"),
        ),
        "held": ("list", "release", "fail"),
        "dlq": ("list", "show", "redrive", "discard"),
    }
    single = [(name,) for name in loading.COMMANDS if name not in groups]
    return single + [(group, name) for group, names in groups.items() for name in names]


HELLO = """
def command():
    'Say hello. To anyone.'
    print("hello")
"""
HELLO_GROUP = """
import typer
command = typer.Typer()
@command.command()
def world(): print("hello")
@command.command()
def moon(): print("good evening")
"""


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Installs these commands, each a module's source, as packages add them."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(**sources: str) -> None:
        points = []
        for name, source in sources.items():
            module = f"plugin_{name}_{tmp_path.name}"
            (tmp_path / f"{module}.py").write_text(source)
            points.append(EntryPoint(name, f"{module}:command", loading.PLUGINS))
        monkeypatch.setattr(loading, "entry_points", lambda group: points)

    return install


def test_the_overview_names_every_command_and_the_exit_codes(run: Callable[..., Result]) -> None:
    result = run("--help")
    assert result.exit_code == ExitCode.DONE
    for name, (_place, summary) in loading.COMMANDS.items():
        assert name in result.stdout
        assert summary in result.stdout
    for code in ExitCode:
        assert f"\n    {code.value} " in result.stdout


def test_the_overview_loads_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from ops.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    done = subprocess.run(  # noqa: S603  this very interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself_with_examples(
    run: Callable[..., Result], command: tuple[str, ...]
) -> None:
    result = run(*command, "--help")
    assert result.exit_code == ExitCode.DONE
    assert f"\n  Examples:\n    mailsluice {' '.join(command)}" in result.stdout


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_the_reference_tells_of_every_command_and_option(
    run: Callable[..., Result], command: tuple[str, ...]
) -> None:
    reference = REFERENCE.read_text()
    assert f"mailsluice {' '.join(command)}" in reference
    shown = run(*command, "--help").stdout
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    missing = {option for option in options if option not in reference}
    assert not missing


def test_an_unknown_command_is_wrong_usage(run: Callable[..., Result]) -> None:
    result = run("sned")
    assert result.exit_code == ExitCode.WRONG
    assert "Did you mean 'send'?" in result.stderr


def test_the_version_is_told(run: Callable[..., Result]) -> None:
    result = run("--version")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.startswith("mailsluice ")


def test_an_installed_package_adds_a_command(
    run: Callable[..., Result], plugins: Callable[..., None]
) -> None:
    plugins(hello=HELLO)
    assert "hello         Say hello." in run("--help").stdout
    assert run("hello").stdout == "hello\n"


def test_an_installed_package_adds_a_group_of_commands(
    run: Callable[..., Result], plugins: Callable[..., None]
) -> None:
    plugins(hello=HELLO_GROUP)
    assert "hello         Added by plugin_hello" in run("--help").stdout
    assert run("hello", "moon").stdout == "good evening\n"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import aiohttp_that_nobody_installed", ExitCode.WRONG),
        ("raise RuntimeError('it is broken')", ExitCode.BUG),
        ("command = 17", ExitCode.BUG),
        ("this is no Python", ExitCode.BUG),
    ],
    ids=["needs what is not installed", "breaks", "is no function", "is no Python"],
)
def test_a_plugin_that_cannot_be_loaded_leaves_the_rest_alone(
    run: Callable[..., Result], plugins: Callable[..., None], source: str, code: ExitCode
) -> None:
    plugins(demo=source, hello=HELLO)
    assert "demo" in run("--help").stdout
    assert run("hello").stdout == "hello\n"
    result = run("demo")
    assert result.exit_code == code
    assert result.stderr.startswith("Error: ")


def test_what_a_plugin_lacks_is_named(
    run: Callable[..., Result], plugins: Callable[..., None]
) -> None:
    plugins(demo="import aiohttp_that_nobody_installed")
    assert "No module named 'aiohttp_that_nobody_installed'" in run("demo").stderr


def test_no_plugin_replaces_a_command_of_ours(
    run: Callable[..., Result], plugins: Callable[..., None]
) -> None:
    plugins(send=HELLO)
    assert run("send").stdout != "hello\n"
