"""Migrations, start-up checks and gates, on the real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from config.errors import ConfigurationError
from config.settings import load_settings
from db import accounts, gates, refused, watermarks
from db.accounts import AccountReading
from db.engine import check, connect
from db.errors import DatabaseError, DatabaseNotMigratedError, DatabaseUnreachableError
from db.migrate import migrate, newest_revision
from db.models import Base
from db.suppression_changes import history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from config.settings import Settings


def test_the_migrations_make_the_tables_that_the_models_describe(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    engine = connect(load_settings(database_url=empty_database_url))
    assert migrate(engine) == (None, newest_revision())
    assert migrate(engine) == (newest_revision(), newest_revision())
    check(engine)
    engine.dispose()


def test_what_was_suppressed_before_there_was_a_history_has_a_first_line_of_it(
    empty_database_url: str,
) -> None:
    engine = connect(load_settings(database_url=empty_database_url))
    migrate(engine, "0003")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_suppressions (address, reason, source, created_at)"
                " VALUES ('ada@example.com', 'bounce', 'event', '2026-01-02T03:04:05Z')"
            )
        )
    migrate(engine)
    [first] = history(engine, "ada@example.com")
    assert (first.action, first.reason, first.entry_reason) == ("added", "bounce", "bounce")
    assert first.changed_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    engine.dispose()


def test_a_database_without_tables_is_refused_with_what_to_do(empty_database_url: str) -> None:
    engine = connect(load_settings(database_url=empty_database_url))
    with pytest.raises(DatabaseNotMigratedError, match="Run: mailsluice migrate"):
        check(engine)
    engine.dispose()


def test_an_unreachable_database_is_named_without_its_password() -> None:
    settings = load_settings(database_url="postgresql://me:secret@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnreachableError, match="Check DATABASE_URL") as caught:
        check(connect(settings))
    assert "secret" not in str(caught.value)


def test_a_password_in_the_query_is_not_shown_either() -> None:
    settings = load_settings(
        database_url="postgresql://127.0.0.1:1/none?user=me&password=secret&sslpassword=secret"
    )
    with pytest.raises(DatabaseUnreachableError, match=r"127\.0\.0\.1:1/none") as caught:
        check(connect(settings))
    assert "secret" not in str(caught.value)


@pytest.fixture
def role_without_rights(engine: Engine) -> Iterator[Engine]:
    """Connections of a role that may log in and no more."""
    name = f"{engine.url.database}_guest"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 'open-sesame'"))
    url = engine.url.set(username=name, password="open-sesame")
    made = connect(load_settings(database_url=url.render_as_string(hide_password=False)))
    yield made
    made.dispose()
    with engine.begin() as connection:
        connection.execute(text(f'DROP ROLE "{name}"'))


def test_a_role_that_may_not_read_is_told_what_it_lacks(role_without_rights: Engine) -> None:
    with pytest.raises(DatabaseError, match="permission denied") as caught:
        check(role_without_rights)
    assert not isinstance(caught.value, DatabaseNotMigratedError | DatabaseUnreachableError)
    assert "grant it SELECT" in str(caught.value)
    assert "open-sesame" not in str(caught.value)


def test_a_database_with_tables_of_something_else_is_refused_in_a_sentence(
    empty_database_url: str,
) -> None:
    engine = connect(load_settings(database_url=empty_database_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (other int)"))
    with pytest.raises(DatabaseError, match="version_num") as caught:
        check(engine)
    engine.dispose()
    assert "DATABASE_URL" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_too_slow_to_answer_is_no_database_that_is_away(
    engine: Engine, settings: Settings
) -> None:
    hasty = connect(settings.model_copy(update={"database_statement_timeout_seconds": 0.2}))
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE alembic_version"))
        with pytest.raises(DatabaseUnreachableError, match=r"in time: .*statement timeout"):
            check(hasty)
    hasty.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "host=h password=secret",
        "mysql://me:secret@host/name",
        "postgresql://me:secret/name",
        "postgresql://host:abc/name",
        "postgresql://[::1/name",
        "postgresql://me:se@secret@host/name",
    ],
)
def test_a_database_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        connect(load_settings(database_url=url))
    assert "secret" not in str(caught.value)


def test_a_gate_stays_shut_for_the_longest_time_it_was_told(engine: Engine) -> None:
    gates.shut(engine, "*", reason="quota", seconds=60)
    gates.shut(engine, "*", reason="quota", seconds=1)
    [gate] = gates.all_shut(engine)
    assert (gate.scope, gate.reason) == ("*", "quota")
    assert gate.seconds is not None
    assert 50 < gate.seconds <= 60


def test_a_gate_that_is_shut_for_two_reasons_needs_both_to_be_over(engine: Engine) -> None:
    gates.shut(engine, "marketing", reason="quota", seconds=60)
    gates.shut(engine, "marketing", reason=gates.OPERATOR, seconds=None)
    assert gates.open_again(engine, "marketing", reason="quota")
    [gate] = gates.all_shut(engine)
    assert (gate.reason, gate.seconds) == (gates.OPERATOR, None)
    assert gates.open_again(engine, "marketing", reason=gates.OPERATOR)
    assert not gates.open_again(engine, "marketing", reason=gates.OPERATOR)
    assert gates.all_shut(engine) == []


def test_a_gate_opens_by_itself(engine: Engine) -> None:
    gates.shut(engine, "marketing", reason="quota", seconds=0)
    assert gates.all_shut(engine) == []


def test_the_newest_reading_of_the_account_counts(engine: Engine) -> None:
    reading = AccountReading("eu-west-1", 14.0, 200.0, 3.0, True, False, "HEALTHY")  # noqa: FBT003
    accounts.save(engine, reading)
    accounts.save(engine, reading)
    assert accounts.latest(engine, "eu-west-1") == reading
    assert accounts.latest(engine, "us-east-1") is None


def test_a_refused_message_is_kept_once_whatever_it_holds(engine: Engine) -> None:
    def keep() -> int:
        return refused.keep(
            engine, queue="q", sqs_message_id="m", reason="no\x00", body="b\x00dy \ud800"
        )

    assert [keep(), keep()] == [1, 2]


def test_a_watermark_never_steps_back(engine: Engine) -> None:
    moment = watermarks.moment(engine)
    watermarks.advance(engine, "events", moment)
    first = watermarks.drained_until(engine, "events")
    watermarks.advance(engine, "events", moment - timedelta(seconds=100))
    assert first is not None
    assert watermarks.drained_until(engine, "events") == first
