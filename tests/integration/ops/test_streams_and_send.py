"""Mail put in from the command line lies on its stream's queue, and is seen there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from db import gates
from db.claims import Candidate, claim
from mailsluice import Message, decode, derived_id, parse_job
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine
    from typer.testing import Result

    from sandbox.aws.control import Control

    Run = Callable[..., Result]

ADA = ("--to", "ada@example.com", "--subject", "Hello", "--text", "Hello Ada")


def queued(control: Control, stream: str = "transactional") -> list[Message]:
    bodies = [each["body"] for each in control.queue(f"mailsluice-{stream}")["messages"]]
    return [parse_job(decode(body).job) for body in bodies]


def seen_by_a_worker(engine: Engine, stream: str) -> None:
    candidate = Candidate(id=uuid4(), stream=stream, recipients=["ada@example.com"], payload={})
    claim(engine, candidate, lease_seconds=60, grace_seconds=300)


def test_a_message_is_queued_and_its_id_printed(provisioned: Control, run: Run) -> None:
    result = run("send", *ADA)
    assert result.exit_code == ExitCode.DONE
    (message,) = queued(provisioned)
    assert UUID(result.stdout.strip()) == message.id
    assert (message.to, message.subject) == (("ada@example.com",), "Hello")


def test_every_option_reaches_the_message(provisioned: Control, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hello.txt"
    file.write_text("hello")
    options = {
        "--cc": "Bob <bob@example.com>",
        "--bcc": "eve@example.com",
        "--from": "us@example.com",
        "--html": "<p>Hello</p>",
        "--stream": "marketing",
        "--tag": "campaign=spring",
        "--header": "X-Shop: 7: seven",
        "--attach": file,
        "--send-at": "2030-01-31T09:30:00Z",
        "--expires-at": "2030-02-01T00:00:00+01:00",
        "--idempotency-key": "order 7",
    }
    result = run("send", *ADA, *(part for pair in options.items() for part in pair), "--json")
    (message,) = queued(provisioned, "marketing")
    assert json.loads(result.stdout)["queued"] == [str(derived_id("marketing", "order 7"))]
    assert message.cc == ("Bob <bob@example.com>",)
    assert (message.bcc, message.from_) == (("eve@example.com",), "us@example.com")
    assert (message.tags, message.headers) == ({"campaign": "spring"}, {"X-Shop": "7: seven"})
    assert (message.attachments[0].filename, message.attachments[0].content) == (
        "hello.txt",
        b"hello",
    )
    assert message.send_at is not None
    assert message.expires_at is not None
    assert message.expires_at.isoformat() == "2030-01-31T23:00:00+00:00"


def test_a_template_may_have_no_data(provisioned: Control, run: Run) -> None:
    run("send", "--to", "ada@example.com", "--template", "welcome", "--data", "{}")
    (message,) = queued(provisioned)
    assert message.template is not None
    assert (message.template.name, message.template.data) == ("welcome", {})


def test_a_file_of_messages_is_queued_in_its_order(provisioned: Control, run: Run) -> None:
    lines = [
        json.dumps({"to": f"a{n}@example.com", "subject": "x", "text": "y"}) for n in range(25)
    ]
    result = run("send", "--json-file", "-", stdin="\n".join(lines))
    ids = [UUID(line) for line in result.stdout.splitlines()]
    by_id = {message.id: message for message in queued(provisioned)}
    assert [by_id[each].to for each in ids] == [(f"a{n}@example.com",) for n in range(25)]


def test_of_a_file_with_a_mistake_nothing_is_sent(provisioned: Control, run: Run) -> None:
    good = json.dumps({"to": "ada@example.com", "subject": "x", "text": "y"})
    result = run("send", "--json-file", "-", stdin=f'{good}\n{{"to": "ada"}}\n')
    assert result.exit_code == ExitCode.WRONG
    assert 'line 2: to[0]: "ada" is not an e-mail address' in result.stderr
    assert queued(provisioned) == []


def test_what_was_not_queued_is_named_and_ends_with_1(provisioned: Control, run: Run) -> None:
    fault: dict[str, Any] = {"status": 400, "code": "InvalidParameterValue", "message": "No."}
    provisioned.fault("sqs", "*", "status", queue="mailsluice-marketing", **fault)
    messages = [
        {"to": "ada@example.com", "subject": "x", "text": "y", "stream": stream}
        for stream in ("transactional", "marketing")
    ]
    result = run("send", "--json-file", "-", "--json", stdin=json.dumps(messages))
    assert result.exit_code == ExitCode.NO
    found = json.loads(result.stdout)
    assert found["queued"] == [str(queued(provisioned)[0].id)]
    assert len(found["failed"]) == 1


def test_a_stream_with_a_queue_of_another_name_is_served(
    control: Control, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_STREAMS", '{"transactional": {"queue": "urgent"}}')
    run("provision")
    assert run("send", *ADA).exit_code == ExitCode.DONE
    assert control.queue("urgent")["visible"] == 1


@pytest.mark.usefixtures("control")
def test_without_a_queue_the_command_says_how_to_make_it(run: Run) -> None:
    result = run("send", *ADA)
    assert result.exit_code == ExitCode.WRONG
    assert "mailsluice provision" in result.stderr


def test_streams_shows_queues_gates_and_messages(
    provisioned: Control, ledger: Engine, run: Run
) -> None:
    run("send", *ADA)
    seen_by_a_worker(ledger, "transactional")
    seen_by_a_worker(ledger, "newsletter")
    gates.shut(ledger, "marketing", reason="too many complaints", seconds=600)
    found = json.loads(run("streams", "--json").stdout)
    streams = {each["name"]: each for each in found["streams"]}
    assert found["sqs_problem"] is None
    transactional, marketing = streams["transactional"], streams["marketing"]
    assert transactional["depth"] == {"visible": 1, "in_flight": 0, "delayed": 0}
    assert transactional["messages"] == {"sending": 1}
    assert transactional["shut_by"] == []
    assert marketing["shut_by"][0]["reason"] == "too many complaints"
    assert (streams["newsletter"]["configured"], streams["newsletter"]["depth"]) == (False, None)
    table = run("streams").stdout
    assert "shut: too many complaints (" in table
    assert "(no longer configured)" in table
    assert provisioned.queue("mailsluice-transactional")["visible"] == 1


@pytest.mark.usefixtures("provisioned")
def test_a_gate_for_everything_shuts_every_stream(ledger: Engine, run: Run) -> None:
    gates.shut(ledger, gates.EVERYTHING, reason="account paused", seconds=600)
    assert run("streams").stdout.count("shut: account paused") == 3


@pytest.mark.usefixtures("ledger", "control")
def test_a_queue_that_is_missing_is_named(run: Run) -> None:
    result = run("streams")
    assert result.exit_code == ExitCode.DONE
    assert "there is no queue mailsluice-" in result.stderr


@pytest.mark.usefixtures("ledger")
def test_when_sqs_is_away_the_rest_is_still_told(provisioned: Control, run: Run) -> None:
    provisioned.fault("sqs", "*", "status", status=503, code="ServiceUnavailable")
    result = run("streams")
    assert result.exit_code == ExitCode.DONE
    assert "mailsluice-transactional" in result.stdout
    assert "Queue depths are not known: AWS answered" in result.stderr


@pytest.mark.usefixtures("ledger")
def test_without_a_region_the_rest_is_still_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    result = run("streams", "--json")
    assert result.exit_code == ExitCode.DONE
    assert "AWS_REGION" in json.loads(result.stdout)["sqs_problem"]
