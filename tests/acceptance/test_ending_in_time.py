"""Whatever hangs, a process that is told to end does, and a second word hurries it."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url

from mailsluice import Mailsluice, Message
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sandbox.installation import Installation
    from sandbox.processes import Process
    from sandbox.watch import Watch

SHORT = {
    "MAILSLUICE_CONNECT_TIMEOUT_SECONDS": "1",
    "MAILSLUICE_SES_READ_TIMEOUT_SECONDS": "2",
    "MAILSLUICE_LEASE_SECONDS": "5",
    "MAILSLUICE_RECORD_TIMEOUT_SECONDS": "60",
    "MAILSLUICE_UNKNOWN_GRACE_SECONDS": "90",
    "MAILSLUICE_SHUTDOWN_SECONDS": "6",
}
CLEAN, LEFT_BEHIND = 0, 1
# Far less than the 28 seconds that a process may take by default, and the 23 of a call to SES.
SOON_SECONDS = 12.0

_numbers = itertools.count(1)


class Database:
    """The installation's database, which can be made unreachable."""

    def __init__(self, url: str) -> None:
        server = make_url(url).set(drivername="postgresql")
        self._name = server.database
        self._admin = server.set(database="postgres").render_as_string(hide_password=False)

    def go_away(self) -> None:
        self._run(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", self._name
        )

    def come_back(self) -> None:
        self._run(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')

    def _run(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters or None)


@pytest.fixture
def database(installation: Installation, watch: Watch) -> Iterator[Database]:
    made = Database(installation.environment["DATABASE_URL"])
    yield made
    made.come_back()
    watch.engine.dispose()


class Site:
    """The installation with a queue of the test's own."""

    def __init__(self, installation: Installation, prefix: str) -> None:
        self.control = installation.control
        self._installation = installation
        self._prefix = prefix
        self.queue = f"{prefix}-transactional"
        sqs = installation.sqs
        dead = sqs.create_queue(QueueName=f"{self.queue}-dlq")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": found["Attributes"]["QueueArn"], "maxReceiveCount": "10"}
        sqs.create_queue(QueueName=self.queue, Attributes={"RedrivePolicy": json.dumps(policy)})
        self._begun = self._posts(0)

    def worker(self, **environment: str) -> Process:
        ours = SHORT | {"MAILSLUICE_QUEUE_PREFIX": self._prefix}
        command = ["mailsluice", "worker", "--streams", "transactional", "--concurrency", "2"]
        process = self._installation.launch("worker", command, **ours | environment)
        return process.wait_until_healthy()

    def send(self, count: int = 1) -> list[UUID]:
        queue = Mailsluice(sqs_client=self._installation.sqs, queue_prefix=self._prefix)
        message = partial(Message, to="ada@example.com", subject="Hello", text="Hi")
        return [queue.send(message()) for _ in range(count)]

    def lying(self, state: str) -> int:
        return int(self.control.queue(self.queue)[state])

    def wait_for_posts(self, count: int) -> None:
        self._posts(self._begun + count)

    def _posts(self, count: int) -> int:
        return self.control.wait_for("started:ses.SendEmail", count)


@pytest.fixture
def site(installation: Installation) -> Iterator[Site]:
    installation.control.ses(max_send_rate=100.0)
    yield Site(installation, f"t{next(_numbers)}")
    installation.control.clear_faults()
    for process in installation.processes:
        if process.is_running:
            process.kill()


def tell_to_end(process: Process) -> None:
    """The first word; answers when it has been heard, for two at once are one."""
    process.terminate()
    until(lambda: "told to end" in events(process), "it has been heard")


def events(process: Process) -> list[object]:
    return [line["event"] for line in process.log_lines()]


def last_words(process: Process) -> list[dict[str, object]]:
    lines = process.log_lines()
    return [line for line in lines if line["event"] == "ended before everything was done"]


def test_what_ses_has_is_awaited_and_recorded_and_the_rest_is_visible_at_once(
    site: Site, watch: Watch
) -> None:
    site.control.fault("ses", "SendEmail", "hang")
    worker = site.worker()
    ids = site.send(6)
    site.wait_for_posts(2)
    worker.terminate()
    until(lambda: site.lying("visible") == 4, "the rest is visible")
    assert worker.is_running
    assert worker.wait(SOON_SECONDS) == CLEAN
    lives = [life for life in map(watch.life, ids) if life is not None]
    assert [life.state for life in lives] == ["unknown", "unknown"]
    assert last_words(worker) == []


def test_a_second_word_does_not_wait_for_ses_and_says_what_is_left(site: Site) -> None:
    site.control.fault("ses", "SendEmail", "hang")
    worker = site.worker(
        MAILSLUICE_SES_READ_TIMEOUT_SECONDS="20",
        MAILSLUICE_SHUTDOWN_SECONDS="28",
        MAILSLUICE_LEASE_SECONDS="60",
        MAILSLUICE_UNKNOWN_GRACE_SECONDS="120",
    )
    site.send()
    site.wait_for_posts(1)
    tell_to_end(worker)
    worker.terminate()
    assert worker.wait(SOON_SECONDS) == LEFT_BEHIND
    [words] = last_words(worker)
    assert (words["hurried"], words["in_work"]) == (True, 1)


def test_an_outcome_that_can_be_recorded_at_once_is_recorded_however_hurried(
    site: Site, watch: Watch
) -> None:
    site.control.fault("ses", "SendEmail", "slow", seconds=0.5)
    worker = site.worker()
    [message_id] = site.send()
    site.wait_for_posts(1)
    tell_to_end(worker)
    worker.terminate()
    # Whether the rest of the process comes to its end in the moment that is left is not promised.
    assert worker.wait(SOON_SECONDS) in (CLEAN, LEFT_BEHIND)
    watch.reaches(message_id, "sent")


def test_without_its_database_it_ends_at_the_deadline_and_says_what_is_left(
    site: Site, database: Database
) -> None:
    site.control.fault("ses", "SendEmail", "slow", seconds=1.8)
    worker = site.worker()
    site.send()
    site.wait_for_posts(1)
    database.go_away()
    worker.terminate()
    assert worker.wait(SOON_SECONDS) == LEFT_BEHIND
    [words] = last_words(worker)
    assert (words["hurried"], words["in_work"]) == (False, 1)


def test_a_second_word_does_not_wait_for_the_database(site: Site, database: Database) -> None:
    site.control.fault("ses", "SendEmail", "slow", seconds=0.5)
    worker = site.worker(MAILSLUICE_SHUTDOWN_SECONDS="60")
    site.send()
    site.wait_for_posts(1)
    database.go_away()
    tell_to_end(worker)
    worker.terminate()
    assert worker.wait(SOON_SECONDS) in (CLEAN, LEFT_BEHIND)


def test_without_sqs_it_ends_all_the_same(site: Site, watch: Watch) -> None:
    worker = site.worker()
    for action in ("DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
        site.control.fault("sqs", action, "hang")
    [message_id] = site.send()
    watch.reaches(message_id, "sent")
    site.control.fault("sqs", "ReceiveMessage", "hang")
    worker.terminate()
    assert worker.wait(SOON_SECONDS) in (CLEAN, LEFT_BEHIND)


def test_threads_that_wait_for_tokens_give_their_messages_back_at_once(site: Site) -> None:
    worker = site.worker(MAILSLUICE_SEND_RATE_PER_SECOND="0.05")
    site.send(6)
    until(lambda: site.lying("in_flight") == 2, "they are in hand")
    worker.terminate()
    assert worker.wait(SOON_SECONDS) == CLEAN
    assert site.lying("in_flight") == 0


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("name", "service", "action"),
    [("scheduler", "ses", "GetAccount"), ("events", "sqs", "ReceiveMessage")],
)
def test_a_second_word_hurries_every_process(
    installation: Installation, name: str, service: str, action: str
) -> None:
    begun = installation.control.wait_for(f"started:{service}.{action}", 0)
    installation.control.fault(service, action, "hang")
    process = installation.launch(name, ["mailsluice", name])
    installation.control.wait_for(f"started:{service}.{action}", begun + 1)
    tell_to_end(process)
    process.terminate()
    assert process.wait(SOON_SECONDS) in (CLEAN, LEFT_BEHIND)
    assert bool(last_words(process)) == (process.wait() == LEFT_BEHIND)
