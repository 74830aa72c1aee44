"""The database may go away at any moment; the events wait for it, and none is counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from config.settings import load_settings
from db.engine import connect
from db.migrate import migrate
from sandbox.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from config.settings import Settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A database server of this test's own."""
    running = PostgresServer(tmp_path / "data").start()
    yield running
    running.stop(immediately=True)


@pytest.fixture
def database_url(server: PostgresServer) -> str:
    """In place of the shared server's, for every fixture that asks for one."""
    engine = connect(load_settings(database_url=server.url()))
    migrate(engine)
    engine.dispose()
    return server.url()


@pytest.mark.parametrize("immediately", [True, False], ids=["crash", "shutdown"])
def test_a_restart_of_the_database_loses_nothing_and_counts_nothing_twice(
    engine: Engine,
    server: PostgresServer,
    drain: Any,
    send: Callable[[], Any],
    *,
    immediately: bool,
) -> None:
    drain.mailbox.put(send().in_sns("bounce_permanent") for _ in range(400))
    drain.control.fault("sqs", "ReceiveMessage", "slow", seconds=0.2)
    drain.start()
    drain.control.wait_for("calls:sqs.DeleteMessageBatch", 5)
    server.stop(immediately=immediately)
    drain.until_counted("event_loop_errors_total", 2, stage="apply")
    server.start()
    engine.dispose()
    drain.until_empty(timeout_seconds=40).stop()
    counts = "SELECT (SELECT count(*) FROM email_events), (SELECT count(*) FROM email_bounces)"
    with engine.connect() as connection:
        assert tuple(connection.execute(text(counts)).one()) == (400, 400)
    assert drain.count("email_bounces_total", type="Permanent", subtype="General") == 400


def test_at_the_end_a_batch_that_cannot_be_applied_stays_on_the_queue(
    server: PostgresServer, settings: Settings, drain: Any, send: Callable[[], Any]
) -> None:
    bodies = [send().in_sns("bounce_permanent") for _ in range(8)]
    drain.start()
    drain.control.wait_for("calls:sqs.ReceiveMessage", 1)
    server.stop()
    drain.mailbox.put(bodies)
    drain.until_counted("event_loop_errors_total", 1, stage="apply")
    assert drain.stop()
    assert len(drain.control.queue(settings.events_queue_name)["messages"]) == 8


def test_while_the_database_is_away_events_are_not_received_again_and_again(
    server: PostgresServer, drain: Any, send: Callable[[], Any]
) -> None:
    """Each receive would bring them nearer to the dead-letter queue."""
    bodies = [send().in_sns("bounce_permanent") for _ in range(4)]
    drain.start()
    drain.control.wait_for("calls:sqs.ReceiveMessage", 1)
    server.stop()
    drain.mailbox.put(bodies)
    drain.until_counted("event_loop_errors_total", 2, stage="apply")
    received = drain.control.wait_for("started:sqs.ReceiveMessage", 0)
    drain.until_counted("event_loop_errors_total", 5, stage="apply")
    # A poll may have been open when the database went.
    assert drain.control.wait_for("started:sqs.ReceiveMessage", 0) <= received + 1
    assert drain.progress.silent() == {}
    server.start()
    drain.until_empty(timeout_seconds=40).stop()
    assert drain.count("events_total", kind="bounce") == 4
