"""The command line over a database and an AWS of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner

from config.settings import load_settings
from ops.cli import app
from ops.provision import provision
from sandbox.aws.control import Control
from sandbox.aws.server import SimulatorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine
    from typer.testing import Result

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with SimulatorThread() as simulator:
        yield simulator.endpoint_url


@pytest.fixture
def control(endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """An empty account, where boto3 finds it, that checks who may publish to whom."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    with Control(endpoint_url) as control:
        control.reset()
        control.sns(enforce_policies=True)
        yield control
        control.clear_faults()


@pytest.fixture
def provisioned(control: Control) -> Control:
    """An account with everything that the default settings need."""
    provision(load_settings())
    return control


@pytest.fixture(scope="module")
def client(endpoint_url: str) -> Iterator[Callable[[str], Any]]:
    """Gives plain boto3 clients, to look and to spoil."""
    session = boto3.session.Session("testing", "testing", region_name=REGION)
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=endpoint_url)
        return made[service]

    yield get
    for each in made.values():
        each.close()


@pytest.fixture
def die(
    control: Control, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Puts bodies on a queue and receives each too often; answers SQS's ids, in their order."""
    monkeypatch.setenv("MAILSLUICE_MAX_RECEIVE_COUNT", "2")
    provision(load_settings())
    sqs = client("sqs")

    def put(queue: str, *bodies: str, **options: Any) -> list[str]:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        ids = [
            sqs.send_message(QueueUrl=url, MessageBody=body, **options)["MessageId"]
            for body in bodies
        ]
        looks = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 0}
        while sqs.receive_message(QueueUrl=url, **looks).get("Messages"):
            pass
        return ids

    return put


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs `mailsluice` with these arguments, in this process."""
    runner = CliRunner()

    def run_command(*arguments: object, stdin: str | None = None) -> Result:
        return runner.invoke(app, [str(each) for each in arguments], input=stdin)

    return run_command


@pytest.fixture
def run_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the installed `mailsluice` as a process of its own, in this environment."""
    program = Path(sys.executable).with_name("mailsluice")

    def run_command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  our own program
            [program, *(str(each) for each in arguments)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_command


@pytest.fixture
def ledger(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database that the commands use."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return engine
