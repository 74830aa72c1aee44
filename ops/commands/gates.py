"""`mailsluice pause` and `mailsluice resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import ConfigurationError
from config.settings import load_settings
from db.gates import EVERYTHING
from ops import pausing
from ops.database import database
from ops.examples import examples
from ops.exits import ExitCode
from ops.output import AsJson, note, print_json, print_lines
from ops.stream_names import known_stream
from ops.times import duration

if TYPE_CHECKING:
    from db.gates import ShutGate

Stream = Annotated[str | None, typer.Argument(metavar="[STREAM]")]
Everything = Annotated[bool, typer.Option("--all", help="The gate of everything.")]

MINUTES_OF_A_YEAR = 525_600


@examples(
    "mailsluice pause marketing",
    'mailsluice pause marketing --for 90 --note "the link is wrong"',
    "mailsluice pause --all",
)
def pause(
    stream: Stream = None,
    *,
    everything: Everything = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="MINUTES",
            min=1,
            max=MINUTES_OF_A_YEAR,
            help="By default until it is resumed.",
        ),
    ] = None,
    note_text: Annotated[
        str | None, typer.Option("--note", help="Why; shown at the gate and in logs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shut a stream's gate: its mail waits in its queue until the gate opens again.

    Workers notice within about a second; what they hold by then may still be sent. --all pauses
    everything, beside what is paused by itself. A pause is never shortened: resume it first.
    """
    scope = _scope(stream, everything=everything)
    settings = load_settings()
    if scope != EVERYTHING:
        known_stream(settings, scope)
    seconds = None if minutes is None else minutes * 60
    with database(settings) as engine:
        done = pausing.pause(engine, scope, seconds=seconds, note=_one_line(note_text))
    if as_json:
        print_json({"scope": scope, "changed": done.changed, "paused_by": done.now})
        return
    if not done.before:
        print_lines(f"{_called(scope)} is paused: {_told(done.now)}.")
    elif done.changed:
        print_lines(f"{_called(scope)} was paused already; now: {_told(done.now)}.")
    else:
        print_lines(
            f"{_called(scope)} was paused already: {_told(done.now)}. Nothing changed; to pause "
            "for a shorter time, resume it first."
        )


@examples(
    "mailsluice resume marketing",
    "mailsluice resume --all",
)
def resume(
    stream: Stream = None, *, everything: Everything = False, as_json: AsJson = False
) -> None:
    """Open what was paused, or what its rates have shut; 1 if it was neither.

    Bounce and complaint rates then do not shut it again for an hour (a setting), and later only
    because of mail that is sent from now on. Other reasons stay, and are told. --all opens the gate
    of everything; a stream that is shut by itself stays so.
    """
    scope = _scope(stream, everything=everything)
    settings = load_settings()
    minutes = settings.reputation_resume_hold_minutes
    with database(settings) as engine:
        done = pausing.resume(engine, scope, hold_seconds=minutes * 60)
    is_resumed = done.was_paused or done.was_bad
    if not (is_resumed or scope == EVERYTHING):
        known_stream(settings, scope)
    if as_json:
        print_json({"scope": scope, "resumed": is_resumed, "shut_by": done.shut_by})
    else:
        _print_resumed(scope, done, minutes)
    if not is_resumed:
        raise typer.Exit(ExitCode.NO)


def _print_resumed(scope: str, done: pausing.Resumed, minutes: float) -> None:
    if done.was_paused:
        print_lines(f"{_called(scope)} is paused no more.")
    if done.was_bad:
        print_lines(
            f"{_called(scope)} is open in spite of its rates. They do not shut it again for "
            f"{duration(minutes * 60)}, and then only because of mail that is sent from now on."
        )
    if not (done.was_paused or done.was_bad):
        note(f"{_called(scope)} was not paused.")
    for gate in done.shut_by:
        note(_still_shut(gate))


def _scope(stream: str | None, *, everything: bool) -> str:
    if (stream is not None) == everything:
        raise ConfigurationError("Name a stream, or give --all for everything: one of the two.")
    return EVERYTHING if stream is None else stream


def _one_line(text: str | None) -> str | None:
    return " ".join(text.split()) if text else None


def _called(scope: str) -> str:
    return "Everything" if scope == EVERYTHING else f"Stream {scope}"


def _told(shut: list[ShutGate]) -> str:
    return "; ".join(pausing.told(gate) for gate in shut)


def _still_shut(gate: ShutGate) -> str:
    sentence = f"{_called(gate.scope)} is still shut: {pausing.told(gate)}."
    if not pausing.can_be_resumed(gate):
        return sentence
    return f"{sentence} To open: mailsluice resume {_argument(gate.scope)}"


def _argument(scope: str) -> str:
    return "--all" if scope == EVERYTHING else scope
