"""The scheduler's duty of bringing the suppression lists in step. Real database, HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry

from config import aws
from config.settings import load_settings
from db import accounts
from db.suppressions import find
from sandbox.aws.server import SimulatorThread
from worker.scheduler.suppression_sync import TURN_SECONDS
from worker.scheduler.sync_duty import LEASE_SECONDS, sync_duties
from worker.scheduler.sync_metrics import SyncMetrics
from worker.ses import spacing
from worker.ses.account import read_account
from worker.ses.spacing import LONGEST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.aws.control import Control
    from worker.scheduler.duties import Duty

ADA = "ada@example.com"


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
    return aws.ses_control(load_settings())


@pytest.fixture
def on(database_url: str) -> Settings:
    return load_settings(database_url=database_url, ses_suppression_sync=True)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def duty(on: Settings, engine: Engine, registry: CollectorRegistry) -> Duty:
    metrics = SyncMetrics(registry, "test")
    [duty] = sync_duties(on, engine, metrics, threading.Event())
    return duty


def run(duty: Duty) -> None:
    while duty.work():
        pass


def test_nothing_is_done_unless_the_settings_ask_for_it(
    settings: Settings, engine: Engine, registry: CollectorRegistry
) -> None:
    metrics = SyncMetrics(registry, "test")
    assert sync_duties(settings, engine, metrics, threading.Event()) == []


@pytest.mark.parametrize("is_known", [True, False])
def test_the_list_of_an_account_without_production_access_is_left_alone(
    engine: Engine, control: Control, ses: Any, duty: Duty, *, is_known: bool
) -> None:
    ses.put_suppressed_destination(EmailAddress=ADA, Reason="BOUNCE")
    control.ses(production_access=False)
    if is_known:
        accounts.save(engine, read_account(ses, "eu-west-1"))
    run(duty)
    assert "ses.ListSuppressedDestinations" not in control.calls()
    assert find(engine, ADA) == []


def test_with_production_access_the_lists_come_in_step_and_the_metrics_say_so(
    engine: Engine, control: Control, ses: Any, duty: Duty, registry: CollectorRegistry
) -> None:
    accounts.save(engine, read_account(ses, "eu-west-1"))
    ses.put_suppressed_destination(EmailAddress=ADA, Reason="BOUNCE")
    run(duty)
    assert len(find(engine, ADA)) == 1
    sample = registry.get_sample_value
    assert sample("test_ses_suppression_sync_total", {"step": "taken"}) == 1.0
    assert sample("test_ses_suppressions", {"state": "listed"}) == 1.0
    assert sample("test_ses_suppression_sync_last_success_timestamp_seconds")


def test_the_real_distance_satisfies_ses_s_limit(
    engine: Engine, control: Control, ses: Any, duty: Duty, registry: CollectorRegistry
) -> None:
    accounts.save(engine, read_account(ses, "eu-west-1"))
    ses.put_suppressed_destination(EmailAddress=ADA, Reason="BOUNCE")
    control.ses(suppression_calls_per_second=1.0)
    run(duty)
    run(duty)
    assert set(control.calls()["ses.ListSuppressedDestinations"]) == {"200"}


def test_a_process_that_is_to_stop_stops_at_once_and_is_not_in_step(
    on: Settings, engine: Engine, ses: Any, registry: CollectorRegistry
) -> None:
    accounts.save(engine, read_account(ses, "eu-west-1"))
    stopping = threading.Event()
    stopping.set()
    [duty] = sync_duties(on, engine, SyncMetrics(registry, "test"), stopping)
    assert not duty.work()
    name = "test_ses_suppression_sync_last_success_timestamp_seconds"
    assert registry.get_sample_value(name) == 0.0


def test_a_turn_is_over_before_its_lease(settings: Settings) -> None:
    call = settings.connect_timeout_seconds + settings.ses_read_timeout_seconds
    longest_call = 90.0
    assert call <= longest_call
    assert TURN_SECONDS + LONGEST_SECONDS + longest_call <= LEASE_SECONDS
    assert spacing.USUAL_SECONDS < TURN_SECONDS
