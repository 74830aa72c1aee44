"""Every golden message means today what it meant when it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import mailsluice

SCHEMAS = Path(mailsluice.__file__).parents[1] / "schema"
GOLDEN = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (SCHEMAS / "golden").glob("*.json")
}
ACCEPTED = sorted(name for name, case in GOLDEN.items() if "job" in case)
REFUSED = sorted(name for name, case in GOLDEN.items() if "refused" in case)


def parse(case: dict[str, Any]) -> mailsluice.Message | mailsluice.BulkJob:
    opened = mailsluice.decode(case["sqs_body"])
    assert opened.task == case["task"]
    if opened.task == mailsluice.DELIVER_BULK:
        return mailsluice.parse_bulk_job(opened.job)
    return mailsluice.parse_job(opened.job)


def schema_takes(kind: str, value: object) -> bool:
    schema = json.loads((SCHEMAS / f"{kind}-v1.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def kind_of(case: dict[str, Any]) -> str:
    return "bulk" if case["task"] == mailsluice.DELIVER_BULK else "message"


def test_there_are_golden_messages_of_both_kinds() -> None:
    assert len(ACCEPTED) >= 20
    assert len(REFUSED) >= 20


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_message_is_read_as_it_was_meant(name: str) -> None:
    assert parse(GOLDEN[name]).to_wire() == GOLDEN[name]["job"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_was_read_can_be_put_back_on_the_queue_unchanged(name: str) -> None:
    case = GOLDEN[name]
    job = parse(case)
    again = mailsluice.envelope_for(case["task"], job.to_wire(), "any", "mailsluice-x")
    assert parse({**case, "sqs_body": again}) == job


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_json_schema_takes_an_accepted_message_as_sent_and_as_read(name: str) -> None:
    case = GOLDEN[name]
    assert schema_takes(kind_of(case), mailsluice.decode(case["sqs_body"]).job)
    assert schema_takes(kind_of(case), case["job"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_message_is_refused_for_the_reason_given(name: str) -> None:
    refused = GOLDEN[name]["refused"]
    with pytest.raises(mailsluice.MessageError) as error:
        parse(GOLDEN[name])
    assert type(error.value).__name__ == refused["error"]
    assert error.value.redacted == refused["reason"]


@pytest.mark.parametrize("name", REFUSED)
def test_the_json_schema_refuses_what_a_schema_can_express(name: str) -> None:
    case = GOLDEN[name]
    if case["refused"]["error"] == "EnvelopeError":
        takes = schema_takes("envelope", json_or_none(case["sqs_body"]))
    else:
        takes = schema_takes(kind_of(case), mailsluice.decode(case["sqs_body"]).job)
    assert takes == (case["schema"] == "silent")


def json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
