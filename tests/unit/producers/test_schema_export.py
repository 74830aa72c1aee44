"""The exported JSON Schemas are those of the code."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import mailsluice
from mailsluice.schema import main, schemas

EXPORTED = Path(mailsluice.__file__).parents[1] / "schema"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_an_exported_schema_is_current(name: str, tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    renew = "run `python -m mailsluice.schema`"
    assert (EXPORTED / name).read_bytes() == (tmp_path / name).read_bytes(), renew


@pytest.mark.parametrize("name", sorted(schemas()))
def test_an_exported_schema_is_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads((EXPORTED / name).read_text()))


def test_an_envelope_of_this_package_fits_its_schema() -> None:
    message = mailsluice.Message(to="ada@example.com", subject="Hello", text="…")
    body = json.loads(mailsluice.envelope(message, "mailsluice-transactional"))
    jsonschema.validate(body, schemas()["envelope-v1.json"])


def test_writing_into_no_directory_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "is no directory" in capsys.readouterr().err
