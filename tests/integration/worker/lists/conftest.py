"""SES's account and our list, and what brings the two in step."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from config import aws
from config.settings import load_settings
from sandbox.aws.server import SimulatorThread
from worker.scheduler.suppression_sync import SuppressionSync
from worker.ses.spacing import Spacing
from worker.ses.suppressed import SuppressedDestinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from sandbox.aws.control import Control

from ses_lists import RULES


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorThread]:
    with SimulatorThread() as running:
        yield running


@pytest.fixture(autouse=True)
def control(simulator: SimulatorThread, monkeypatch: pytest.MonkeyPatch) -> Control:
    simulator.control.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.endpoint_url)
    return simulator.control


@pytest.fixture
def ses(control: Control) -> Any:
    return aws.ses_paced(load_settings())


@pytest.fixture
def done() -> Counter[str]:
    return Counter()


@pytest.fixture
def make(engine: Engine, ses: Any, done: Counter[str]) -> Callable[..., SuppressionSync]:
    """Makes a process's part of it, as these rules want it; its calls keep no distance."""

    def made(**rules: Any) -> SuppressionSync:
        there = SuppressedDestinations(ses, Spacing(threading.Event(), seconds=0.0))

        def count(step: str, number: int) -> None:
            done[step] += number

        return SuppressionSync(engine, there, replace(RULES, **rules), count)

    return made


@pytest.fixture
def sync(engine: Engine, make: Callable[..., SuppressionSync]) -> Callable[..., None]:
    """Brings the lists in step, once."""

    def run(**rules: Any) -> None:
        step = make(**rules)
        step.begin()
        while step.turn():
            pass

    return run
