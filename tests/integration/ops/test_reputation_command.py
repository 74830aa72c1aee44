"""The operator sees the rates, what they shut, and opens it in spite of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from config.settings import load_settings
from db import gates, standings
from ops.exits import ExitCode
from past_mail import bounced, complained, sent
from worker.scheduler.metrics import SchedulerMetrics
from worker.scheduler.reputation import ReputationGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]


def guard_looks(engine: Engine) -> None:
    metrics = SchedulerMetrics(CollectorRegistry(), "test")
    guard = ReputationGuard(engine, load_settings(), metrics)
    while guard.look():
        pass


def test_rates_limits_and_gates_are_shown(ledger: Engine, run: Run) -> None:
    bounced(ledger, sent(ledger, "marketing", 200)[:10])
    complained(ledger, sent(ledger, "notifications", 20)[:1])
    guard_looks(ledger)
    result = run("reputation")
    assert result.exit_code == ExitCode.DONE
    rows = {tuple(line.split()[:2]): line for line in result.stdout.splitlines()}
    marketing = rows["marketing", "bounce"]
    assert "5 % (10 of 200)" in marketing
    assert "2 %" in marketing
    assert "shut: reputation (for " in marketing
    assert "until its rates are down, or it is resumed" in marketing
    assert "- (1 of 20)" in rows["notifications", "complaint"]
    assert "0.05 %" in rows["notifications", "complaint"]
    assert "4.55 % (10 of 220)" in rows["(all)", "bounce"]
    assert "only warns" in rows["(all)", "bounce"]
    assert rows["transactional", "bounce"].rstrip().endswith("open")
    assert result.stderr == "To open it in spite of its rates: mailsluice resume marketing\n"


def test_rates_are_counted_before_any_scheduler_has_looked(ledger: Engine, run: Run) -> None:
    sent(ledger, "marketing", 7, hours_ago=100)
    found = json.loads(run("reputation", "--json").stdout)
    marketing = next(each for each in found["scopes"] if each["scope"] == "marketing")
    assert [each["recipients"] for each in marketing["rates"]] == [0, 0, 7]


def test_programs_are_told_too(ledger: Engine, run: Run) -> None:
    bounced(ledger, sent(ledger, "marketing", 200)[:10])
    guard_looks(ledger)
    found = json.loads(run("reputation", "--json").stdout)
    views = {(each["scope"], each["kind"]): each for each in found["scopes"]}
    marketing = views["marketing", "bounce"]
    [gate] = marketing["shut_by"]
    assert (gate["scope"], gate["reason"]) == ("marketing", "reputation")
    assert marketing["limits"]["shut"] == 0.05
    assert marketing["shuts"] is True
    assert marketing["rates"][0] == {
        "window": "1h",
        "rate": 0.05,
        "reports": 10,
        "recipients": 200,
        "counts": True,
    }
    assert views["*", "bounce"]["shuts"] is False
    assert views["transactional", "complaint"]["shut_by"] == []


def test_a_resume_opens_what_the_rates_have_shut_and_holds(ledger: Engine, run: Run) -> None:
    bounced(ledger, sent(ledger, "marketing", 200)[:10])
    guard_looks(ledger)
    result = run("resume", "marketing")
    assert result.exit_code == ExitCode.DONE
    assert result.stdout == (
        "Stream marketing is open in spite of its rates. They do not shut it again for 1 h 0 min, "
        "and then only because of mail that is sent from now on.\n"
    )
    guard_looks(ledger)
    assert gates.all_shut(ledger) == []
    assert standings.held(ledger) == {"marketing"}
    [marketing] = [line for line in run("reputation").stdout.splitlines() if "(10 of" in line][1:]
    assert "only warns" in marketing


def test_what_shuts_everything_is_told_at_a_stream_and_opened_with_all(
    ledger: Engine, run: Run
) -> None:
    gates.shut(ledger, "*", reason=gates.REPUTATION, seconds=600)
    result = run("resume", "marketing")
    assert result.exit_code == ExitCode.NO
    assert "To open: mailsluice resume --all" in result.stderr
    assert json.loads(run("resume", "--all", "--json").stdout)["resumed"] is True
    assert gates.all_shut(ledger) == []
