"""Commands are loaded when they are called, so that `--help` need not wait for boto3 and Celery.

Packages outside `ops` add commands through the entry-point group `mailsluice.commands`: the name
is the command's, the object a function as Typer takes it, or a `typer.Typer` of subcommands.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from config.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

    from typer import _click

PLUGINS = "mailsluice.commands"

# Name: where it is, and the line that the overview shows.
COMMANDS = {
    "worker": ("ops.commands.processes:worker", "Deliver the mail of the streams' queues."),
    "scheduler": ("ops.commands.processes:scheduler", "Dispatch what is due; watch the account."),
    "events": ("ops.commands.events:app", "Drain SES's events into the database."),
    "migrate": ("ops.commands.migrate:migrate", "Make the tables, or bring them up to date."),
    "provision": ("ops.commands.provision:provision", "Make what Mailsluice needs in AWS."),
    "config": ("ops.commands.config:config", "Print all settings, and check them."),
    "streams": ("ops.commands.streams:streams", "Show streams, gates, queues and messages."),
    "quota": ("ops.commands.quota:quota", "Show the day's quota, and what is left of it."),
    "reputation": ("ops.commands.reputation:reputation", "Show bounce and complaint rates."),
    "pause": ("ops.commands.gates:pause", "Shut a stream's gate, or that of all of them."),
    "resume": ("ops.commands.gates:resume", "Open what was paused, or what rates have shut."),
    "send": ("ops.commands.send:send", "Put mail into its queue."),
    "status": ("ops.commands.status:status", "Tell what became of a message."),
    "message": ("ops.commands.message:message", "Tell the whole life of a message."),
    "why": ("ops.commands.why:why", "Tell why an address is mailed or not."),
    "bounces": ("ops.commands.feedback:bounces", "List bounces."),
    "complaints": ("ops.commands.feedback:complaints", "List complaints."),
    "summary": ("ops.commands.summary:summary", "Count what became of the mail of each day."),
    "held": ("ops.commands.held:app", "Decide about messages that SES may have taken."),
    "dlq": ("ops.commands.dlq:app", "See, send back or discard dead letters."),
    "suppressions": ("ops.commands.suppressions:app", "See and change who must not be mailed."),
    "erase": ("ops.commands.erase:erase", "Take an address out of every table."),
    "keys": ("ops.commands.keys:app", "Rotate the keys of addresses; see what needs which."),
}


@dataclass(frozen=True)
class Source:
    """A command that may not be loaded yet."""

    name: str
    summary: str
    load: Callable[[], object]
    is_plugin: bool = False


def sources() -> Iterator[Source]:
    """Our own commands, then those that installed packages add. No plugin replaces a command."""
    for name, (place, summary) in COMMANDS.items():
        yield Source(name, summary, _loader(place))
    for point in sorted(entry_points(group=PLUGINS), key=lambda point: point.name):
        if point.name not in COMMANDS:
            yield Source(point.name, _summary(point), point.load, is_plugin=True)


class LazyGroup(TyperGroup):
    """Shows every command, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401  as in Typer
        super().__init__(**attributes)
        self._sources = {source.name: source for source in sources()}
        for source in self._sources.values():
            self.add_command(TyperCommand(source.name, help=source.summary))

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        """Put the real command in its place before it is looked up."""
        source = self._sources.get(args[0])
        if source is not None:
            self.add_command(_loaded(source), source.name)
        return super().resolve_command(ctx, args)


def _loader(place: str) -> Callable[[], object]:
    module, _, attribute = place.partition(":")
    return lambda: getattr(import_module(module), attribute)


def _loaded(source: Source) -> _click.Command:
    try:
        return _command(source.name, source.load())
    except ImportError as error:
        if not source.is_plugin:  # a fault of ours, whatever is installed
            raise
        raise ConfigurationError(
            f"The command {source.name!r} cannot be used, for a package that it needs is not "
            f"installed: {error}."
        ) from error


def _summary(point: EntryPoint) -> str:
    """The first line of a plugin's docstring, from its source: to import it may take long."""
    try:
        spec = find_spec(point.module)
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        functions = [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name == point.attr
        ]
        told = ast.get_docstring(functions[-1]) if functions else None
    except (ImportError, OSError, ValueError, SyntaxError):
        told = None
    return told.splitlines()[0] if told else f"Added by {point.module.partition('.')[0]}."


def _command(name: str, found: object) -> _click.Command:
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    if not callable(found):
        raise TypeError(f"the command {name!r} is a {type(found).__name__}, not a function")
    single = typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    single.command(name, help=inspect.getdoc(found))(found)
    return typer.main.get_command(single)
