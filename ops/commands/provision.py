"""`mailsluice provision`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import load_settings
from ops.examples import examples
from ops.output import AsJson, print_json, print_lines, print_table
from ops.provision import Outcome, Step, environment, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

_DONE = {Outcome.CREATED: "created", Outcome.CHANGED: "changed", Outcome.UNCHANGED: "was right"}
_PLANNED = {
    Outcome.CREATED: "would be created",
    Outcome.CHANGED: "would be changed",
    Outcome.UNCHANGED: "is right",
}


@examples(
    "mailsluice provision --dry-run",
    "mailsluice provision",
    "mailsluice provision --json | jq -r '.environment | to_entries[] | \"\\(.key)=\\(.value)\"'",
)
def provision(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")
    ] = False,
    track_opens_and_clicks: Annotated[
        bool,
        typer.Option(
            "--track-opens-and-clicks",
            help="Let SES report these too: it then rewrites links and adds an image to each mail.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make queues, dead-letter queues, the topic of events and the configuration sets in AWS.

    Safe to repeat: what is right stays as it is, and what is not is brought in line, policies of
    these queues and of this topic included. Nothing is ever deleted.
    """
    settings = load_settings()
    done: list[Step] = []
    try:
        for step in steps(settings, dry_run=dry_run, tracking=track_opens_and_clicks):
            done.append(step)  # noqa: PERF402  a failure must find what was done before it
    finally:
        if not as_json and done:
            _print(done, _PLANNED if dry_run else _DONE)
    variables = environment(settings)
    if as_json:
        print_json({"dry_run": dry_run, "steps": done, "environment": variables})
        return
    print_lines("", _summary(done, dry_run=dry_run), "", "Let every process have:")
    print_lines(*(f"  {name}={shlex.quote(value)}" for name, value in variables.items()))


def _print(done: Sequence[Step], words: dict[Outcome, str]) -> None:
    print_table(
        ("RESOURCE", "NAME", "OUTCOME", "DETAILS"),
        [(step.kind, step.name, words[step.outcome], "; ".join(step.details)) for step in done],
    )


def _summary(done: Sequence[Step], *, dry_run: bool) -> str:
    counts = {outcome: sum(step.outcome is outcome for step in done) for outcome in Outcome}
    if counts[Outcome.UNCHANGED] == len(done):
        return "Everything was right; nothing was changed."
    words = _PLANNED if dry_run else _DONE
    return (
        ", ".join(f"{count} {words[outcome]}" for outcome, count in counts.items() if count) + "."
    )
