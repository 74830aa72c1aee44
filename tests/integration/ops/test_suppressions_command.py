"""The operator sees and changes who must not be mailed."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from db.suppression_changes import history
from db.suppressions import Suppression, add, find
from ops.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine
    from typer.testing import Result

    Run = Callable[..., Result]

ADA = "ada@example.com"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)

pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "list.csv"
        path.write_text(text)
        return path

    return write


def test_an_address_that_was_added_is_suppressed(run: Run) -> None:
    assert run("suppressions", "show", ADA).exit_code == ExitCode.NO
    added = run("suppressions", "add", " Ada@Example.COM ", "--note", "asked by phone")
    assert added.exit_code == ExitCode.DONE
    assert f"{ADA} is suppressed everywhere." in added.stdout
    shown = run("suppressions", "show", ADA)
    assert shown.exit_code == ExitCode.DONE
    assert "asked by phone" in shown.stdout


def test_show_tells_programs_too(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "bounce", "event")])
    result = run("suppressions", "show", ADA, "--json")
    found = json.loads(result.stdout)
    assert (found["suppressed"], found["entries"][0]["reason"]) == (True, "bounce")


def test_an_entry_that_has_expired_suppresses_nothing(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "manual", "operator", expires_at=YESTERDAY)])
    result = run("suppressions", "show", ADA)
    assert result.exit_code == ExitCode.NO
    assert "(expired)" in result.stdout


def test_a_suppression_may_be_for_one_stream_and_for_some_days(run: Run, ledger: Engine) -> None:
    run("suppressions", "add", ADA, "--stream", "marketing", "--reason", "unsubscribe")
    run("suppressions", "add", ADA, "--days", 30)
    everywhere, marketing = find(ledger, ADA)
    assert (marketing.scope, marketing.reason) == ("marketing", "unsubscribe")
    assert marketing.expires_at is None
    assert everywhere.expires_at is not None
    assert timedelta(days=29) < everywhere.expires_at - datetime.now(UTC) <= timedelta(days=30)


def test_a_weaker_reason_changes_nothing_and_that_is_said(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "complaint", "event")])
    result = run("suppressions", "add", ADA, "--reason", "bounce")
    assert result.exit_code == ExitCode.DONE
    assert "was suppressed everywhere (complaint); nothing changed" in result.stdout
    assert find(ledger, ADA)[0].reason == "complaint"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ada"], "'ada' is not an e-mail address"),
        ([ADA, "--stream", "newsletter"], "There is no stream 'newsletter'"),
        ([ADA, "--expires-at", "soon"], "--expires-at 'soon' must be a time"),
        ([ADA, "--expires-at", "2001-01-01T00:00:00Z"], "would have expired already"),
        ([ADA, "--days", "-1"], "would have expired already"),
        ([ADA, "--days", "1", "--expires-at", "2099-01-01T00:00:00Z"], "give one of them"),
        ([ADA, "--reason", "spite"], "'spite' is not one of"),
    ],
)
def test_what_cannot_be_added_is_refused(
    run: Run, ledger: Engine, arguments: list[str], sentence: str
) -> None:
    result = run("suppressions", "add", *arguments)
    assert result.exit_code == ExitCode.WRONG
    assert sentence in result.stderr
    assert find(ledger, ADA) == []


def test_an_address_is_taken_off_in_one_stream_or_altogether(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "bounce", "event")])
    add(ledger, [Suppression(ADA, "unsubscribe", "event", scope="marketing")])
    assert run("suppressions", "remove", ADA, "--stream", "marketing").exit_code == ExitCode.DONE
    assert [entry.scope for entry in find(ledger, ADA)] == ["*"]
    assert "1 entry" in run("suppressions", "remove", ADA).stdout
    assert find(ledger, ADA) == []


def test_to_remove_what_is_not_there_ends_with_1(run: Run) -> None:
    result = run("suppressions", "remove", ADA)
    assert result.exit_code == ExitCode.NO
    assert f"{ADA} was not on the list." in result.stderr


def test_the_list_can_be_narrowed_and_says_when_there_is_more(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(f"a{n}@example.com", "bounce", "event") for n in range(3)])
    add(ledger, [Suppression(ADA, "complaint", "event")])
    bounces = json.loads(run("suppressions", "list", "--reason", "bounce", "--json").stdout)
    assert [entry["address"] for entry in bounces] == [f"a{n}@example.com" for n in range(3)]
    short = run("suppressions", "list", "--limit", 2)
    assert "a1@example.com" in short.stdout
    assert "a2@example.com" not in short.stdout
    assert "more than 2" in short.stderr
    assert ADA in run("suppressions", "list", "--limit", 0).stdout


def test_an_exported_list_is_imported_elsewhere_as_it_was(
    run: Run, ledger: Engine, tmp_path: Path
) -> None:
    add(ledger, [Suppression(ADA, "complaint", "event", note='said "no", twice')])
    add(ledger, [Suppression("bob@example.com", "manual", "operator", "marketing")])
    file = tmp_path / "list.csv"
    assert run("suppressions", "export", file).exit_code == ExitCode.DONE
    for address in (ADA, "bob@example.com"):
        run("suppressions", "remove", address)
    result = run("suppressions", "import", file)
    assert result.exit_code == ExitCode.DONE
    assert "2 lines read: 2 added, 0 unchanged, 0 refused." in result.stdout
    (ada,) = find(ledger, ADA)
    assert (ada.reason, ada.note, ada.source) == ("complaint", 'said "no", twice', "import")
    assert find(ledger, "bob@example.com")[0].scope == "marketing"


def test_an_export_can_be_piped(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "bounce", "event")])
    rows = list(csv.DictReader(run("suppressions", "export").stdout.splitlines()))
    assert [(row["address"], row["reason"]) for row in rows] == [(ADA, "bounce")]


def test_an_export_that_fails_leaves_the_old_file_as_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "list.csv"
    file.write_text("the old list")
    monkeypatch.setattr("ops.commands.suppression_files.export", fail)
    result = run("suppressions", "export", file)
    assert result.exit_code == ExitCode.WRONG
    assert "No space left on device" in result.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old list"]


def test_good_lines_are_imported_and_bad_ones_reported(
    run: Run, ledger: Engine, csv_file: Callable[[str], Path]
) -> None:
    file = csv_file(f"address,reason\nada,\n{ADA},bounce\nbob@example.com,spite\n")
    result = run("suppressions", "import", file)
    assert result.exit_code == ExitCode.WRONG
    assert "line 2: 'ada' is not an e-mail address" in result.stderr
    assert "line 4: reason 'spite'" in result.stderr
    assert "3 lines read: 1 added, 0 unchanged, 2 refused." in result.stdout
    assert find(ledger, ADA)[0].reason == "bounce"


def test_a_dry_run_imports_nothing_and_needs_no_database(
    run: Run,
    ledger: Engine,
    csv_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    result = run("suppressions", "import", csv_file(f"address\n{ADA}\nada\n"), "--dry-run")
    assert result.exit_code == ExitCode.WRONG
    assert "2 lines read: 1 good, 1 refused." in result.stdout
    assert find(ledger, ADA) == []


def test_an_import_of_many_may_be_repeated(run: Run, csv_file: Callable[[str], Path]) -> None:
    file = csv_file("address\n" + "".join(f"a{n}@example.com\n" for n in range(2500)))
    first = json.loads(run("suppressions", "import", file, "--json").stdout)
    again = json.loads(run("suppressions", "import", file, "--json").stdout)
    assert (first["read"], first["added"], first["unchanged"]) == (2500, 2500, 0)
    assert (again["read"], again["added"], again["unchanged"]) == (2500, 0, 2500)
    assert len(json.loads(run("suppressions", "list", "--limit", 0, "--json").stdout)) == 2500


def test_a_file_of_another_encoding_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("address,note\nada@example.com,café\n".encode("latin-1"))
    result = run("suppressions", "import", file)
    assert result.exit_code == ExitCode.WRONG
    assert "not UTF-8" in result.stderr
    assert result.stdout == ""


def test_the_history_tells_every_change_and_who_made_it(run: Run, ledger: Engine) -> None:
    add(ledger, [Suppression(ADA, "bounce", "event", event="bounce:abc")])
    run("suppressions", "remove", ADA, "--by", "Grace", "--note", "she asked")
    run("suppressions", "add", ADA, "--by", "Joan")
    told = run("suppressions", "history", ADA)
    assert told.exit_code == ExitCode.DONE
    for word in ("bounce:abc", "removed", "Grace", "she asked", "Joan", "manual"):
        assert word in told.stdout
    changes = json.loads(run("suppressions", "history", ADA, "--json").stdout)["changes"]
    assert [(each["action"], each["by"]) for each in changes] == [
        ("added", None),
        ("removed", "Grace"),
        ("added", "Joan"),
    ]


def test_who_gave_a_command_is_the_systems_user_where_nobody_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    run("suppressions", "add", ADA)
    changes = json.loads(run("suppressions", "history", ADA, "--json").stdout)["changes"]
    assert [each["by"] for each in changes] == ["ada"]


def test_an_import_is_remembered_with_who_made_it(
    run: Run, ledger: Engine, csv_file: Callable[[str], Path]
) -> None:
    run("suppressions", "import", str(csv_file(f"address\n{ADA}\n")), "--by", "Grace")
    [change] = history(ledger, ADA)
    assert (change.source, change.by) == ("import", "Grace")


def test_an_address_that_never_was_on_the_list_has_no_history(run: Run) -> None:
    told = run("suppressions", "history", ADA)
    assert told.exit_code == ExitCode.NO
    assert "never" in told.stderr


def whole_list(ledger: Engine) -> list[tuple[object, ...]]:
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT * FROM email_suppressions ORDER BY address, scope"))
        return [tuple(row) for row in rows]


def changes_of_the_list(ledger: Engine) -> int:
    with ledger.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM email_suppression_changes")) or 0


LATER = datetime.now(UTC) + timedelta(days=40)
EVERY_KIND_OF_LINE = f"""address,reason,expires_at
new@example.com,bounce,
expired-there@example.com,bounce,
weaker-there@example.com,complaint,
shorter-there@example.com,bounce,
same@example.com,bounce,
stronger-there@example.com,bounce,
longer-there@example.com,bounce,{LATER.isoformat()}
over@example.com,bounce,{YESTERDAY.isoformat()}
new@example.com,manual,
nobody,bounce,
"""


@pytest.fixture
def a_list(ledger: Engine) -> Engine:
    add(
        ledger,
        [
            Suppression("expired-there@example.com", "manual", "operator", expires_at=YESTERDAY),
            Suppression("weaker-there@example.com", "bounce", "event"),
            Suppression("shorter-there@example.com", "bounce", "event", expires_at=LATER),
            Suppression("same@example.com", "bounce", "event", note="as it was"),
            Suppression("stronger-there@example.com", "complaint", "event"),
            Suppression("longer-there@example.com", "bounce", "event"),
        ],
    )
    return ledger


def test_a_dry_run_tells_what_the_import_then_does(
    run: Run, a_list: Engine, csv_file: Callable[[str], Path]
) -> None:
    file, before = csv_file(EVERY_KIND_OF_LINE), whole_list(a_list)
    told = json.loads(run("suppressions", "import", file, "--dry-run", "--json").stdout)
    assert whole_list(a_list) == before
    assert told.pop("dry_run") is True
    done = json.loads(run("suppressions", "import", file, "--json").stdout)
    assert done.pop("dry_run") is False
    assert told == done
    verdicts = ("new", "stricter", "same", "kept", "expired", "repeated", "refused_lines")
    assert [done[each] for each in verdicts] == [2, 2, 1, 2, 1, 1, 1]
    assert sum(done[each] for each in verdicts) == done["read"] == 10
    assert done["refused"] == [{"line": 11, "reason": "'nobody' is not an e-mail address"}]


def test_a_dry_run_says_it_in_words(
    run: Run, a_list: Engine, csv_file: Callable[[str], Path]
) -> None:
    result = run("suppressions", "import", csv_file(EVERY_KIND_OF_LINE), "--dry-run")
    assert "10 lines read: 4 would be added, 5 unchanged, 1 refused." in result.stdout
    assert "line 11: 'nobody' is not an e-mail address" in result.stderr
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "stricter 2 on the list for a weaker reason or a shorter time" in lines


def test_an_import_makes_nothing_on_the_list_weaker(
    run: Run, a_list: Engine, csv_file: Callable[[str], Path]
) -> None:
    run("suppressions", "import", csv_file(EVERY_KIND_OF_LINE))
    held = {row[0]: (row[2], row[8]) for row in whole_list(a_list)}
    assert held == {
        "new@example.com": ("manual", None),
        "expired-there@example.com": ("bounce", None),
        "weaker-there@example.com": ("complaint", None),
        "shorter-there@example.com": ("bounce", None),
        "same@example.com": ("bounce", None),
        "stronger-there@example.com": ("complaint", None),
        "longer-there@example.com": ("bounce", None),
    }


def test_an_import_writes_a_line_of_history_for_each_change_and_for_nothing_else(
    run: Run, a_list: Engine, csv_file: Callable[[str], Path]
) -> None:
    before = changes_of_the_list(a_list)
    run("suppressions", "import", csv_file(EVERY_KIND_OF_LINE), "--by", "Grace")
    assert changes_of_the_list(a_list) == before + 4
    last = history(a_list, "weaker-there@example.com")[-1]
    assert (last.action, last.reason, last.source, last.by) == (
        "changed",
        "complaint",
        "import",
        "Grace",
    )
    assert history(a_list, "new@example.com")[-1].action == "added"


def test_to_import_an_export_again_changes_nothing(
    run: Run, a_list: Engine, tmp_path: Path
) -> None:
    odd = 'a note, with "quotes",\na tab\tand a \\ backslash'
    add(a_list, [Suppression(ADA, "unsubscribe", "event", "marketing", odd, expires_at=LATER)])
    file = tmp_path / "list.csv"
    run("suppressions", "export", file)
    before, history_before = whole_list(a_list), changes_of_the_list(a_list)
    result = run("suppressions", "import", file)
    assert result.exit_code == ExitCode.DONE
    assert "7 lines read: 0 added, 7 unchanged, 0 refused." in result.stdout
    assert whole_list(a_list) == before
    assert changes_of_the_list(a_list) == history_before


def test_of_what_a_file_says_twice_the_stronger_reason_and_the_longer_time_count(
    run: Run, ledger: Engine, csv_file: Callable[[str], Path]
) -> None:
    soon = LATER - timedelta(days=9)
    lines = f"{ADA},complaint,{soon.isoformat()}\n{ADA},bounce,{LATER.isoformat()}\n"
    run("suppressions", "import", csv_file(f"address,reason,expires_at\n{lines}"))
    (entry,) = find(ledger, ADA)
    assert (entry.reason, entry.expires_at) == ("complaint", LATER)


def test_a_note_arrives_as_it_was_written(run: Run, ledger: Engine, tmp_path: Path) -> None:
    odd = 'a note, with "quotes",\na tab\tand a \\N backslash'
    add(ledger, [Suppression(ADA, "bounce", "event", note=odd)])
    file = tmp_path / "list.csv"
    run("suppressions", "export", file)
    run("suppressions", "remove", ADA)
    run("suppressions", "import", file)
    assert find(ledger, ADA)[0].note == odd


def test_a_file_that_breaks_off_takes_nothing_in(run: Run, ledger: Engine, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    good = "".join(f"a{n}@example.com,\n" for n in range(30_000))
    file.write_bytes(f"address,note\n{good}{ADA},café\n".encode("latin-1"))
    assert run("suppressions", "import", file).exit_code == ExitCode.WRONG
    assert whole_list(ledger) == []


def test_of_a_file_that_is_wrong_in_every_line_the_first_lines_are_told(
    run: Run, csv_file: Callable[[str], Path]
) -> None:
    result = run("suppressions", "import", csv_file("address\n" + "nobody\n" * 1500))
    assert "line 1001: 'nobody' is not an e-mail address" in result.stderr
    assert "and 500 more such lines" in result.stderr
    assert "1500 lines read: 0 added, 0 unchanged, 1500 refused." in result.stdout
