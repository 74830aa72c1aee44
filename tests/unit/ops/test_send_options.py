"""The options of `mailsluice send` are checked in their own words, before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

HELLO = ("--subject", "Hello", "--text", "Hello Ada")
TO_ADA = ("--to", "ada@example.com")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (HELLO, "--to: is missing"),
        (("--to", "ada", *HELLO), '--to: "ada" is not an e-mail address'),
        ((*TO_ADA, "--from", "ada@", *HELLO), '--from: "ada@" is not'),
        (TO_ADA, "--subject: is missing"),
        ((*TO_ADA, "--subject", "x"), "--text: is missing"),
        ((*TO_ADA, *HELLO, "--template", "t"), "--template: cannot be given together"),
        ((*TO_ADA, "--data", "{}"), "--template: is missing"),
        ((*TO_ADA, "--template", "t", "--data", "{"), "--data is not JSON"),
        ((*TO_ADA, "--template", "t", "--data", "[]"), "--data must be a JSON object"),
        ((*TO_ADA, *HELLO, "--tag", "campaign"), "--tag 'campaign' is not of the form NAME=VALUE"),
        ((*TO_ADA, *HELLO, "--tag", "a=1", "--tag", "a=2"), "--tag 'a' is given twice"),
        ((*TO_ADA, *HELLO, "--tag", "a=b c"), "--tag a: must have a value"),
        ((*TO_ADA, *HELLO, "--header", "Subject"), "--header 'Subject' is not of the form"),
        ((*TO_ADA, *HELLO, "--header", "Subject: x"), "--header Subject: cannot be set"),
        ((*TO_ADA, *HELLO, "--send-at", "tomorrow"), "--send-at: must be a time in ISO 8601"),
        ((*TO_ADA, *HELLO, "--expires-at", "2030-01-01T00:00:00"), "--expires-at: must be a time"),
        (
            (
                *TO_ADA,
                *HELLO,
                *("--send-at", "2030-01-02T00:00:00Z", "--expires-at", "2030-01-01T00:00:00Z"),
            ),
            "--expires-at: must be later than send_at",
        ),
        ((*TO_ADA, *HELLO, "--stream", "Marketing!"), "--stream: "),
        ((*TO_ADA, *HELLO, "--stream", "newsletter"), "There is no stream 'newsletter'"),
        ((*TO_ADA, *HELLO, "--attach", "/no/such/file"), "'/no/such/file' does not exist"),
    ],
)
def test_a_mistake_is_named_by_its_option(
    run: Callable[..., Result], arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("send", *arguments)
    assert result.exit_code == ExitCode.WRONG
    assert sentence in result.stderr
    assert result.stdout == ""


def test_an_empty_attachment_is_named(run: Callable[..., Result], tmp_path: Path) -> None:
    empty = tmp_path / "empty.pdf"
    empty.touch()
    result = run("send", *TO_ADA, *HELLO, "--attach", empty)
    assert result.exit_code == ExitCode.WRONG
    assert f"--attach {empty}: is empty" in result.stderr


def test_a_file_of_messages_goes_with_no_option_that_describes_one(
    run: Callable[..., Result],
) -> None:
    result = run("send", "--json-file", "-", "--subject", "x", stdin="{}")
    assert result.exit_code == ExitCode.WRONG
    assert "leave out all options that describe one" in result.stderr


def test_a_file_that_is_not_utf_8_is_told_apart(run: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "latin.json"
    file.write_bytes('{"to": "é@example.com"}'.encode("latin-1"))
    result = run("send", "--json-file", file)
    assert result.exit_code == ExitCode.WRONG
    assert "not UTF-8" in result.stderr


def test_without_a_region_the_variable_is_named(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    result = run("send", *TO_ADA, *HELLO)
    assert result.exit_code == ExitCode.WRONG
    assert "AWS_REGION is not set" in result.stderr


def test_without_credentials_the_variables_are_named(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    result = run("send", *TO_ADA, *HELLO)
    assert result.exit_code == ExitCode.WRONG
    assert "AWS_ACCESS_KEY_ID" in result.stderr
