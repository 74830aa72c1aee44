"""Logs without addresses, health as progress, metrics on a free port."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

import pytest
import structlog
import urllib3

from config import health
from config.errors import ConfigurationError
from config.health import Progress
from config.logs import configure_logs, redact
from config.monitor import Monitor
from config.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def set_up_logs() -> Callable[[], None]:
    """Sets logging up as in a process."""
    return lambda: configure_logs(load_settings(), "worker")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to ada@example.com, now", "to [address], now"),
        ("Ada <ada@example.com>", "Ada <[address]>"),
        ("'ada+x@sub.example.com'", "'[address]'"),
        ("nothing here", "nothing here"),
        ("?to=ada%40example.com", "[address]"),
        ("ada%2540example.com", "[address]"),
        ('to "john doe"@example.com, now', "to [address], now"),
        ('"a" <"john \\" doe"@example.com>', '"a" <[address]>'),
        ("ada=example.com@x.org", "[address]"),
        ("o'brien@example.com", "[address]"),
        ("{'to': 'ada@example.com'}", "{'to': '[address]'}"),
        ("at 14 @ 5, @wraps", "at 14 @ 5, @wraps"),
        ("50%401 is a rate", "[address] is a rate"),
    ],
)
def test_what_looks_like_an_address_is_taken_out(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_an_address_behind_a_key_is_taken_out() -> None:
    shown = redact("to=ada@example.com from='bob@example.com' n=1")
    assert "ada" not in shown
    assert "bob" not in shown
    assert shown.endswith(" n=1")


def test_a_quoted_local_part_is_taken_out_of_json_as_well() -> None:
    once = json.dumps({"to": '"john doe"@example.com', "n": 1})
    for shown in (redact(once), redact(json.dumps(once))):
        assert "john" not in shown
        assert "doe" not in shown
        assert "example" not in shown
        assert "n" in shown


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece", ["a", "@", "a@", '"', 'a"', '\\"', "'", "a'", "%", "%25", "%40", "=", '"@', "a.", " "]
)
@pytest.mark.parametrize("end", ["", " @", ' "@', '"', " %40"])
def test_a_long_text_is_read_in_time_that_grows_with_its_length(piece: str, end: str) -> None:
    text = piece * (100_000 // len(piece)) + end
    assert measured_seconds(text) < 2


def measured_seconds(text: str) -> float:
    began = time.process_time()
    redact(text)
    return time.process_time() - began


def test_a_key_that_is_an_address_is_taken_out_too(
    capsys: pytest.CaptureFixture[str], set_up_logs: Callable[[], None]
) -> None:
    set_up_logs()
    found = {"ada@example.com": 1, ("bob@example.com", 2): {"cy@example.com": 3}, 4: 5}
    structlog.get_logger("x").info("refused", found=found)
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "example.com" not in json.dumps(line)
    assert line["found"]["4"] == 5


def test_a_log_line_is_json_with_the_process_and_without_addresses(
    capsys: pytest.CaptureFixture[str], set_up_logs: Callable[[], None]
) -> None:
    set_up_logs()
    structlog.get_logger("x").info("sent to ada@example.com", who=["bob@example.com"], attempt=1)
    logging.getLogger("library").warning("failed for %s", "cy@example.com")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["process"] for line in lines] == ["worker", "worker"]
    assert lines[0]["attempt"] == 1
    assert "example.com" not in json.dumps(lines)


def test_an_exception_in_a_log_has_no_address_either(
    capsys: pytest.CaptureFixture[str], set_up_logs: Callable[[], None]
) -> None:
    set_up_logs()
    try:
        int("no such user: ada@example.com")
    except ValueError:
        logging.getLogger("library").exception("it failed")
    written = capsys.readouterr().out
    assert "no such user" in written
    assert "example.com" not in written


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(health, "time", made)
    return made


def test_a_loop_that_stands_still_is_named(clock: Clock) -> None:
    progress = Progress()
    progress.expect("receive", within_seconds=10)
    progress.expect("gates", within_seconds=100)
    clock.seconds = 20.0
    assert progress.silent() == {"receive": 20.0}


def test_a_loop_that_goes_round_is_well(clock: Clock) -> None:
    progress = Progress()
    progress.expect("receive", within_seconds=10)
    clock.seconds = 20.0
    progress.beat("receive")
    assert progress.silent() == {}


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    made = Monitor(load_settings(metrics_host="127.0.0.1", metrics_port=0), "worker", Progress())
    made.start()
    yield made
    made.stop()


def get(monitor: Monitor, path: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", f"http://127.0.0.1:{monitor.port}{path}", retries=False)


def test_metrics_and_health_are_served(monitor: Monitor) -> None:
    assert 'mailsluice_process_up{process="worker"} 1.0' in get(monitor, "/metrics").data.decode()
    assert get(monitor, "/healthz").json() == {"healthy": True, "silent_seconds": {}}
    assert get(monitor, "/else").status == 404


def test_a_process_that_does_not_progress_is_unhealthy(clock: Clock) -> None:
    progress = Progress()
    progress.expect("receive", within_seconds=10)
    made = Monitor(load_settings(metrics_host="127.0.0.1", metrics_port=0), "worker", progress)
    made.start()
    clock.seconds = 20.0
    answer = get(made, "/healthz")
    metrics = get(made, "/metrics").data.decode()
    made.stop()
    assert (answer.status, answer.json()["silent_seconds"]) == (503, {"receive": 20.0})
    assert 'mailsluice_process_up{process="worker"} 0.0' in metrics


def test_a_taken_port_that_was_asked_for_is_an_error_that_says_so(monitor: Monitor) -> None:
    settings = load_settings(metrics_host="127.0.0.1", metrics_port=monitor.port)
    with pytest.raises(ConfigurationError, match="MAILSLUICE_METRICS_PORT"):
        Monitor(settings, "worker", Progress()).start()


@pytest.mark.parametrize("host", ["nonsense.invalid", "no host", "a..b", "192.0.2.1"])
def test_a_host_that_cannot_be_listened_on_is_an_error_that_names_the_setting(host: str) -> None:
    settings = load_settings(metrics_host=host, metrics_port=0)
    with pytest.raises(ConfigurationError, match="MAILSLUICE_METRICS_HOST") as caught:
        Monitor(settings, "worker", Progress()).start()
    assert "MAILSLUICE_METRICS_PORT" in str(caught.value)
    assert host in str(caught.value)


def test_a_second_process_on_a_host_takes_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(metrics_host="127.0.0.1")
    first, second = (Monitor(settings, "worker", Progress()) for _ in range(2))
    first.start()
    second.start()
    ports = {first.port, second.port}
    first.stop()
    second.stop()
    assert len(ports) == 2
