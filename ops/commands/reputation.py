"""`mailsluice reputation`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.reputation import KINDS, WINDOWS, limits_of, says_enough, shuts
from config.settings import load_settings
from db import gates, standings
from db import reputation as rates
from db.gates import EVERYTHING, REPUTATION
from db.sent_counts import Domains
from ops.database import database
from ops.examples import examples
from ops.output import AsJson, note, print_json, print_table
from ops.pausing import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from config.reputation import Limits, Tally
    from config.settings import Settings
    from db.gates import ShutGate
    from db.reputation import Measured


@dataclass(frozen=True)
class RateView:
    """The rate of one kind in one window; `counts` unless there was too little mail."""

    window: str
    rate: float | None
    reports: int
    recipients: int
    counts: bool


@dataclass(frozen=True)
class ScopeView:
    """A stream (`*`: all mail) and one kind: its rates, its limits, and its gate.

    `shuts` says whether the rates may shut it at this moment: not where they only warn, nor for a
    time after an operator has resumed it.
    """

    scope: str
    kind: str
    rates: list[RateView]
    limits: Limits
    shuts: bool
    shut_by: list[ShutGate]


@examples(
    "mailsluice reputation",
    "mailsluice reputation --json | jq '.scopes[] | select(.shut_by != [])'",
)
def reputation(*, as_json: AsJson = False) -> None:
    """Show bounce and complaint rates, from which ones streams are shut, and which ones are.

    Rates are of the mail that was sent in the window. With a `-` there was too little of it.
    """
    settings = load_settings()
    with database(settings) as engine:
        measured = rates.measure(engine, Domains.of(settings))
        shut = [gate for gate in gates.all_shut(engine) if gate.reason == REPUTATION]
        held = standings.held(engine)
    views = list(_views(settings, measured, shut, held))
    if as_json:
        print_json({"scopes": views})
        return
    print_table(
        ("STREAM", "KIND", *(each.upper() for each in WINDOWS), "WARNS", "SHUTS", "GATE"),
        [_row(view) for view in views],
    )
    for gate in shut:
        argument = "--all" if gate.scope == EVERYTHING else gate.scope
        note(f"To open it in spite of its rates: mailsluice resume {argument}")


def _views(
    settings: Settings, measured: Measured, shut: Sequence[ShutGate], held: set[str]
) -> Iterator[ScopeView]:
    for scope, stream in {EVERYTHING: None, **settings.streams}.items():
        for kind in KINDS:
            limits = limits_of(settings, stream, kind)
            tallies = {each: measured.of(scope, kind, each).whole for each in WINDOWS}
            yield ScopeView(
                scope=scope,
                kind=kind,
                rates=_rates(tallies, limits),
                limits=limits,
                shuts=shuts(settings, stream) and scope not in held,
                shut_by=[gate for gate in shut if gate.scope in (scope, EVERYTHING)],
            )


def _rates(tallies: Mapping[str, Tally], limits: Limits) -> list[RateView]:
    return [
        RateView(window, tally.rate, tally.reports, tally.recipients, says_enough(tally, limits))
        for window, tally in tallies.items()
    ]


def _row(view: ScopeView) -> tuple[str, ...]:
    scope = "(all)" if view.scope == EVERYTHING else view.scope
    shuts_at = _percent(view.limits.shut) if view.shuts else "only warns"
    gate = "; ".join(told(each) for each in view.shut_by)
    shown = (_rate(each) for each in view.rates)
    warns_at = _percent(view.limits.warn)
    return scope, view.kind, *shown, warns_at, shuts_at, f"shut: {gate}" if gate else "open"


def _rate(view: RateView) -> str:
    rate = _percent(view.rate) if view.counts and view.rate is not None else "-"
    return f"{rate} ({view.reports} of {view.recipients})"


def _percent(rate: float) -> str:
    return f"{rate * 100:.3g} %"
