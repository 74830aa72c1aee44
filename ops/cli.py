"""The `mailsluice` command: one module a command, loaded when it is called."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.exits import ExitCode
from ops.failures import explain, show
from ops.loading import LazyGroup

if TYPE_CHECKING:
    from typer import _click

HELP = """Send e-mail through Amazon SES exactly: at the account's rate, never twice, never to a
suppressed address.

All settings come from the environment; `mailsluice config` prints them.

\b
Examples:
  mailsluice migrate                     make the tables
  mailsluice provision                   make queues, topic and configuration set
  mailsluice worker                      deliver mail
  mailsluice send --to ada@example.com --subject Hello --text "..."
  mailsluice message ID                  what became of a message
  mailsluice why ADDRESS                 why it gets mail or none

\b
Exit codes:
  0   done
  1   the answer is no, or there is no such thing
  2   wrong usage or configuration
  3   a service (database, SQS, SNS, SES) cannot be reached
  70  an error of Mailsluice itself (MAILSLUICE_LOG_LEVEL=DEBUG shows where)
"""


class CommandLine(LazyGroup):
    """The one place where an error becomes a sentence and an exit code."""

    def invoke(self, ctx: _click.Context) -> Any:  # noqa: ANN401  as in Typer
        """Run the command; nothing but Typer's own exceptions leaves this."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, EOFError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001  a person never sees a traceback unasked
            failure = explain(error)
            show(failure, error)
            raise typer.Exit(failure.code) from None


app = typer.Typer(
    cls=CommandLine,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  a callback of Typer
    if wanted:
        typer.echo(f"mailsluice {version('mailsluice-server')}")
        raise typer.Exit(ExitCode.DONE)


@app.callback(help=HELP)
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="mailsluice")
