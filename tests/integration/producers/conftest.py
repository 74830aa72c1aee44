"""An AWS of the test's own, and clients of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mailsluice import Mailsluice
from sandbox.aws.control import Control
from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = ("transactional", "notifications", "marketing")


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with SimulatorThread() as simulator:
        yield simulator.endpoint_url


@pytest.fixture
def control(endpoint_url: str) -> Iterator[Control]:
    with Control(endpoint_url) as control:
        control.reset()
        yield control
        control.clear_faults()


@pytest.fixture
def sqs(control: Control, endpoint_url: str) -> Iterator[Any]:
    """A plain boto3 client; the default streams have their queues."""
    client = boto3.client("sqs", region_name="eu-west-1", endpoint_url=endpoint_url)
    for stream in STREAMS:
        client.create_queue(QueueName=f"mailsluice-{stream}")
    yield client
    client.close()


@pytest.fixture
def queue(sqs: Any, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailsluice]:
    """A client made as an application makes it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", endpoint_url)
    with Mailsluice.from_env() as client:
        yield client
