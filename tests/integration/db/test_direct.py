"""Statements of the hot paths fail as all others do, so that an outage is known for one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError

from config.settings import load_settings
from db.direct import Direct
from db.engine import connect
from db.outages import is_outage
from sandbox.postgres import free_port

if TYPE_CHECKING:
    from sqlalchemy import Engine

ONE = Direct("SELECT :number::int AS number, :id::uuid AS id")


def test_a_row_has_its_columns_as_attributes(engine: Engine) -> None:
    id_ = uuid4()
    row = ONE.one_or_none(engine, number=1, id=id_)
    assert row is not None
    assert (row.number, row.id) == (1, id_)


def test_each_call_is_committed_by_itself(engine: Engine) -> None:
    Direct("INSERT INTO pacers (region) VALUES (:region)").one_or_none(engine, region="here")
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pacers")) == 1


def test_a_server_that_cannot_be_reached_is_an_outage() -> None:
    away = f"postgresql://postgres@127.0.0.1:{free_port()}/nothing"
    engine = connect(load_settings(database_url=away))
    with pytest.raises(OperationalError) as failed:
        ONE.one_or_none(engine, number=1, id=uuid4())
    assert is_outage(failed.value)


def test_a_connection_that_breaks_is_an_outage_and_leaves_the_pool(engine: Engine) -> None:
    breaking = Direct("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError) as failed:
        breaking.one_or_none(engine)
    assert is_outage(failed.value)
    assert ONE.one_or_none(engine, number=1, id=uuid4()) is not None


def test_what_the_database_will_never_take_is_no_outage_and_harms_no_later_call(
    engine: Engine,
) -> None:
    with pytest.raises(DataError) as failed:
        Direct("SELECT :number::int").one_or_none(engine, number="no number")
    assert not is_outage(failed.value)
    assert ONE.one_or_none(engine, number=1, id=uuid4()) is not None


def test_a_prepared_statement_that_is_gone_is_prepared_anew(engine: Engine) -> None:
    """Psycopg forgets them all after a rollback."""
    assert ONE.one_or_none(engine, number=1, id=uuid4()) is not None
    pooled = engine.raw_connection()
    cast("Any", pooled.driver_connection).pgconn.exec_(b"DEALLOCATE ALL")
    pooled.close()
    assert ONE.one_or_none(engine, number=1, id=uuid4()) is not None


def test_a_statement_whose_columns_were_changed_meanwhile_is_prepared_anew(engine: Engine) -> None:
    everything = Direct("SELECT * FROM gates")
    everything.one_or_none(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gates ADD COLUMN more int"))
    assert everything.one_or_none(engine) is None


def test_connections_that_are_as_old_as_one_that_broke_are_not_used_again(engine: Engine) -> None:
    older, other = engine.raw_connection(), engine.raw_connection()
    pid = cast("Any", other.driver_connection).info.backend_pid
    older.close()
    other.close()
    with pytest.raises(OperationalError):
        Direct("SELECT pg_terminate_backend(pg_backend_pid())").one_or_none(engine)
    seen = {
        row.pid
        for row in (Direct("SELECT pg_backend_pid() AS pid").one_or_none(engine) for _ in range(3))
        if row is not None
    }
    assert pid not in seen


def test_values_of_every_kind_arrive_as_they_are(engine: Engine) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    kinds = Direct(
        "SELECT :at::timestamptz AS at, :yes::bool AS yes, :nothing::text AS nothing,"
        " :some::text[] AS some, :part::float AS part, :at::timestamptz AS again"
    )
    some = ['a "quoted", {one}', "back\\slash", "", "NULL", "ü"]
    row = kinds.one_or_none(engine, at=at, yes=True, nothing=None, some=some, part=0.1)
    assert row is not None
    assert tuple(row) == (at, True, None, some, 0.1, at)


def test_a_text_that_postgresql_cannot_hold_is_refused_and_not_cut(engine: Engine) -> None:
    with pytest.raises(DataError):
        Direct("SELECT :words::text").one_or_none(engine, words="a\0b")
