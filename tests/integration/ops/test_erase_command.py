"""`mailsluice erase`: asks, erases, and says what it found."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from db import suppressions
from db.suppressions import Suppression, add

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from typer.testing import Result

ADA = "ada@example.com"
KEYS = "k1:" + base64.b64encode(b"1" * 32).decode()


@pytest.fixture
def listed(ledger: Engine) -> Engine:
    add(ledger, [Suppression(ADA, "complaint", "event")])
    return ledger


def test_who_is_erased_is_told_so_and_counted(
    listed: Engine, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", KEYS)
    done = run("erase", "Ada@Example.com", "--yes", "--json", "--by", "Grace")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["rows"]["email_suppression_changes"] == 1
    assert suppressions.find(listed, ADA) == []
    shown = run("suppressions", "show", ADA)
    assert shown.exit_code == 0
    assert "hmac:k1:" in shown.stdout


def test_it_asks_first(
    listed: Engine, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", KEYS)
    refused = run("erase", ADA, stdin="n\n")
    assert refused.exit_code == 1
    assert len(suppressions.find(listed, ADA)) == 1


def test_without_a_key_it_says_how_to_get_one(listed: Engine, run: Callable[..., Result]) -> None:
    refused = run("erase", ADA, "--yes")
    assert refused.exit_code == 2
    assert "openssl rand -base64 32" in refused.stderr
    assert len(suppressions.find(listed, ADA)) == 1


def test_no_command_answers_about_the_erased_without_their_key(
    listed: Engine, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert suppressions.find(listed, ADA)
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", KEYS)
    run("erase", ADA, "--yes")
    monkeypatch.delenv("MAILSLUICE_ADDRESS_KEYS")
    asked = run("suppressions", "show", ADA)
    assert asked.exit_code == 2
    assert "lacks the key k1" in asked.stderr


def test_an_exported_list_brings_the_erased_with_it(
    listed: Engine,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", KEYS)
    file = tmp_path_factory.mktemp("lists") / "list.csv"
    run("erase", ADA, "--yes")
    run("suppressions", "export", file)
    assert suppressions.find(listed, ADA) == []
    run("suppressions", "remove", ADA)
    assert run("suppressions", "import", file).exit_code == 0
    assert run("suppressions", "show", ADA).exit_code == 0
