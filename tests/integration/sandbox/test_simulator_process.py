"""The simulator as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from sandbox.aws.control import Control
from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", "sandbox.aws", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    yield running
    running.kill()
    running.wait()
    running.stdout.close()


def listening(process: subprocess.Popen[str]) -> str:
    """The endpoint that a process says it has."""
    return process.stdout.readline().removeprefix("listening on ").strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_even_while_a_long_poll_is_open(
    process: subprocess.Popen[str], number: int
) -> None:
    endpoint_url = listening(process)
    sqs = boto3.client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name="eu-west-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    queue_url = sqs.create_queue(QueueName="mail")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool, Control(endpoint_url) as control:
        polling = pool.submit(sqs.receive_message, QueueUrl=queue_url, WaitTimeSeconds=20)
        control.wait_for("started:sqs.ReceiveMessage", 1)
        began = time.monotonic()
        process.send_signal(number)

        assert process.wait(timeout=5) == 0
        assert time.monotonic() - began < 3
        with pytest.raises(ConnectionClosedError):
            polling.result(timeout=5)


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with SimulatorThread() as simulator:
        port = simulator.endpoint_url.rpartition(":")[2]
        second = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", "sandbox.aws", "--port", port],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

        assert second.returncode == 1
        assert second.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: ")
        assert second.stderr.count("\n") == 1
        with pytest.raises(OSError, match="in use"):
            SimulatorThread(port=int(port)).start()
