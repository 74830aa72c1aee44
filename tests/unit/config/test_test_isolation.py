"""The tests' own fence: no test reaches another host by accident."""

from __future__ import annotations

import socket

import psycopg
import pytest

from config.settings import load_settings
from db.engine import connect

# RFC 5737: nobody's address.
ELSEWHERE = "192.0.2.1"


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_socket_to_another_host_is_refused(method: str) -> None:
    with (
        socket.socket() as outward,
        pytest.raises(AssertionError, match=ELSEWHERE),
    ):
        getattr(outward, method)((ELSEWHERE, 80))


@pytest.mark.parametrize(
    "conninfo",
    [
        f"postgresql://{ELSEWHERE}/x",
        f"host=127.0.0.1,{ELSEWHERE} dbname=x",
        f"host=localhost hostaddr={ELSEWHERE}",
    ],
)
def test_a_database_on_another_host_is_refused(conninfo: str) -> None:
    for opening in (psycopg.connect, psycopg.Connection.connect, psycopg.AsyncConnection.connect):
        with pytest.raises(AssertionError, match=ELSEWHERE):
            opening(conninfo)


def test_an_engine_of_the_product_is_refused_as_well() -> None:
    engine = connect(load_settings(database_url=f"postgresql://{ELSEWHERE}/x"))
    with pytest.raises(AssertionError, match=ELSEWHERE):
        engine.connect()


def test_the_host_of_the_surroundings_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", ELSEWHERE)
    with pytest.raises(AssertionError, match=ELSEWHERE):
        psycopg.connect("dbname=x")
