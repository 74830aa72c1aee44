"""`mailsluice keys`: what needs which key, and that a rotation is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from db import suppressions
from db.suppressions import Suppression, add
from tests.integration.db.keyed import everything, keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from sqlalchemy import Engine
    from typer.testing import Result

ADA = "ada@example.com"


def test_the_way_from_plain_text_to_a_second_key(
    ledger: Engine,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    add(ledger, [Suppression(ADA, "complaint", "event")])
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", keys("d1"))
    monkeypatch.setenv("MAILSLUICE_ENCRYPTION_KEYS", keys("e1"))
    before = run("keys", "status", "--json")
    assert before.exit_code == 1
    assert json.loads(before.stdout)["plain"]["email_suppressions.address"] == 1
    turned = run("keys", "rotate", "--json")
    assert turned.exit_code == 0
    assert json.loads(turned.stdout)["turned"]["plain addresses"] == 1
    assert ADA not in everything(ledger)
    assert ADA in run("suppressions", "list").stdout
    assert run("suppressions", "show", ADA).exit_code == 0
    assert run("suppressions", "export", str(tmp_path / "list.csv")).exit_code == 0
    assert ADA in (tmp_path / "list.csv").read_text()

    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", keys("d2", "d1"))
    monkeypatch.setenv("MAILSLUICE_ENCRYPTION_KEYS", keys("e2", "e1"))
    assert "stays until" in run("keys", "status").stdout
    assert run("keys", "rotate").stdout == "Turned: addresses 1.\n"
    done = run("keys", "status")
    assert done.exit_code == 0
    assert done.stdout.count("may be taken out") == 2
    monkeypatch.setenv("MAILSLUICE_ADDRESS_KEYS", keys("d2"))
    monkeypatch.setenv("MAILSLUICE_ENCRYPTION_KEYS", keys("e2"))
    assert ADA in run("why", ADA).stdout
    assert suppressions.find(ledger, ADA) == []


def test_without_keys_there_is_nothing_to_rotate(
    ledger: Engine, run: Callable[..., Result]
) -> None:
    assert ledger
    assert run("keys", "status").stdout == "No keys are configured, and no row needs one.\n"
    refused = run("keys", "rotate")
    assert refused.exit_code == 2
    assert "MAILSLUICE_ENCRYPTION_KEYS" in refused.stderr
