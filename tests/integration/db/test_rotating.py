"""Keys change under way, and nobody who must not be mailed is. Real PostgreSQL."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from config.errors import ConfigurationError
from db import events, key_status, parking, rotating, suppressions
from db.address_keys import keys_of
from db.address_reports import about
from db.address_retention import forget_names
from db.claims import Claimed, Settled
from db.engine import check
from db.erasing import erase
from db.messages import status
from db.renaming import lock, rename
from db.scrubbing import scrub
from db.suppressions import Suppression
from sandbox.waiting import until
from tests.integration.db.keyed import (
    Processes,
    bounce_of,
    claimed,
    complaint_of,
    everything,
    keys,
    parked,
    rotate,
    sent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"

_IMPORTED = text("""
INSERT INTO email_suppressions (address, scope, reason, source)
VALUES (:address, '*', 'bounce', 'import')
""")


@pytest.fixture
def processes(database_url: str) -> Iterator[Processes]:
    made = Processes(database_url)
    yield made
    made.close()


def a_past(engine: Engine) -> None:
    """Ada bounced and complained, a job waits for her, and an event for its message."""
    message_id = sent(engine, ADA)
    events.apply(engine, [bounce_of(ADA, message_id=message_id), complaint_of(ADA, message_id)])
    parked(engine, BOB)
    events.apply(engine, [bounce_of(BOB, message_id=uuid4(), soft=True)])


def is_suppressed(engine: Engine, address: str) -> bool:
    return isinstance(claimed(engine, address)[1], Settled)


def test_what_stood_in_plain_text_is_encrypted(processes: Processes) -> None:
    a_past(processes.start())
    engine = processes.start(keys("d1"), keys("e1"))
    assert ADA in everything(engine)
    assert not key_status.status(engine).is_done
    rotate(engine)
    assert "@example.com" not in everything(engine)
    assert is_suppressed(engine, ADA)
    assert len(about(engine, ADA, most=10).bounces) == 1
    assert key_status.status(engine).is_done
    [due] = parking.take_due(engine, ["marketing"], most=10, lease_seconds=60)
    assert due.payload["to"] == [BOB]


def test_until_its_turn_comes_an_address_is_written_as_before(processes: Processes) -> None:
    a_past(processes.start())
    engine = processes.start(keys("d1"), keys("e1"))
    rotating.turn(engine)
    message_id = sent(engine, BOB)
    events.apply(engine, [bounce_of(BOB, message_id=message_id)])
    found = status(engine, message_id)
    assert found is not None
    assert found.recipients == {BOB: "bounced"}
    sent(engine, "new@example.com")
    assert "new@example.com" not in everything(engine)
    rotate(engine)
    assert "@example.com" not in everything(engine)
    assert len(about(engine, BOB, most=10).messages) == 2


@pytest.mark.parametrize(
    ("digest", "encryption"),
    [("d2 d1", "e1"), ("d1", "e2 e1"), ("d2 d1", "e2 e1")],
)
def test_old_keys_may_go_when_everything_is_turned(
    processes: Processes, digest: str, encryption: str
) -> None:
    a_past(processes.start(keys("d1"), keys("e1")))
    engine = processes.start(keys(*digest.split()), keys(*encryption.split()))
    rotate(engine)
    found = key_status.status(engine)
    assert found.is_done
    assert [each.may_go for each in found.keys] == [not each.current for each in found.keys]
    left = processes.start(keys(digest.split(maxsplit=1)[0]), keys(encryption.split(maxsplit=1)[0]))
    assert is_suppressed(left, ADA)
    assert {each.address for each in suppressions.find(left, ADA)} == {ADA}
    [due] = parking.take_due(left, ["marketing"], most=10, lease_seconds=60)
    assert due.payload["to"] == [BOB]


def test_encryption_can_be_turned_off(processes: Processes) -> None:
    a_past(processes.start(keys("d1"), keys("e1")))
    engine = processes.start(keys("d1"), keys("plain", "e1"))
    rotate(engine)
    assert key_status.status(engine).is_done
    plain = processes.start()
    assert is_suppressed(plain, ADA)
    assert len(about(plain, ADA, most=10).complaints) == 1
    told = everything(plain)
    assert "hmac:" not in told
    assert "aes:" not in told


def test_the_key_of_who_was_erased_stays(processes: Processes) -> None:
    old = processes.start(keys("d1"), keys("e1"))
    a_past(old)
    erase(old, ADA)
    scrub(old, ADA)
    engine = processes.start(keys("d2", "d1"), keys("e1"))
    rotate(engine)
    uses = {each.id: each for each in key_status.status(engine).keys}
    assert dict(uses["d1"].rows) == {"erased": 1}
    assert not uses["d1"].may_go
    assert is_suppressed(engine, ADA)
    with pytest.raises(ConfigurationError, match="lacks the key d1"):
        check(processes.connect(keys("d2"), keys("e1")))


_NAMES = text("SELECT name FROM email_addresses")
_ONE_NAME = text("UPDATE email_addresses SET name = :new, former = :old WHERE name = :old")
_WAITING_CLAIMS = text("""
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'email_recipients'::regclass
""")


class KilledError(Exception):
    """The process is gone."""


def test_the_key_of_a_digest_that_was_imported_stays(processes: Processes) -> None:
    first = processes.start(keys("k1"), keys("e1"))
    digest = keys_of(first).keys[0].digest(BOB)
    suppressions.add(first, [Suppression(digest, "bounce", "import")])
    rotate(processes.start(keys("k2", "k1"), keys("e1")))
    with pytest.raises(ConfigurationError, match="lacks the key k1"):
        processes.start(keys("k2"), keys("e1"))


@pytest.mark.parametrize("killed_at", range(1, 4))
def test_a_rotation_that_was_killed_goes_on(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """In the middle of a batch, which leaves nothing half done."""
    people = [f"p{number}@example.com" for number in range(8)]
    old = processes.start(keys("d1"), keys("e1"))
    suppressions.add(old, [Suppression(each, "bounce", "event") for each in people])
    engine = processes.start(keys("d2", "d1"), keys("e2", "e1"))
    monkeypatch.setattr(rotating, "AT_ONCE", 2)
    renames = iter(range(1, 100))
    done = rotating.rename

    def killed(*terms: object) -> None:
        if next(renames) == killed_at:
            raise KilledError
        done(*terms)  # type: ignore[arg-type]

    monkeypatch.setattr(rotating, "rename", killed)
    with pytest.raises(KilledError):
        rotate(engine)
    assert all(is_suppressed(engine, each) for each in people)
    rotate(engine)
    found = key_status.status(engine)
    assert found.is_done
    assert all(is_suppressed(engine, each) for each in people)
    assert {each.address for page in suppressions.pages(engine) for each in page} == set(people)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("", ""), (keys("d1"), keys("e1"))),
        ((keys("d1"), keys("e1")), (keys("d2", "d1"), keys("e2", "e1"))),
        ((keys("d1"), keys("e1")), (keys("d1"), keys("plain", "e1"))),
    ],
)
def test_no_claim_in_the_middle_of_a_rotation_lets_a_suppressed_address_through(
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[str, str],
    after: tuple[str, str],
) -> None:
    monkeypatch.setattr(rotating, "AT_ONCE", 5)
    people = [f"p{number}@example.com" for number in range(60)]
    suppressions.add(
        processes.start(*before), [Suppression(each, "bounce", "event") for each in people]
    )
    sender, consumer, operator = (processes.start(*after) for _ in range(3))
    is_over, let_through, applied = threading.Event(), [], []

    def send() -> None:
        while not is_over.is_set():
            for each in people:
                _, won = claimed(sender, each, "fresh@example.com")
                if not isinstance(won, Claimed) or each not in won.blocked:
                    let_through.append(each)

    def consume() -> None:
        while not is_over.is_set():
            message_id = sent(consumer, f"{uuid4()}@example.com", "again@example.com")
            events.apply(
                consumer, [bounce_of("again@example.com", message_id=message_id, soft=True)]
            )
            applied.append(message_id)

    threads = [threading.Thread(target=each) for each in (send, consume)]
    for each in threads:
        each.start()
    try:
        until(lambda: len(applied) > 1, "both are at work")
        rotate(operator)
    finally:
        is_over.set()
        for each in threads:
            each.join()
    assert not let_through
    assert key_status.status(operator).is_done
    states = [status(operator, each) for each in applied]
    assert {found.recipients["again@example.com"] for found in states if found} <= {
        "bounced",
        "suppressed",
    }


def test_nobody_stands_under_two_names(processes: Processes) -> None:
    """Who was erased and then imported again, in plain, is one person."""
    erase(processes.start(keys("d1")), ADA)
    with processes.connect().begin() as connection:
        connection.execute(_IMPORTED, {"address": ADA})
    engine = processes.start(keys("d1"), keys("e1"))
    rotate(engine)
    [entry] = suppressions.find(engine, ADA)
    assert (entry.reason, entry.expires_at) == ("manual", None)
    assert ADA not in everything(engine)


def test_two_rotations_at_once_are_refused(processes: Processes) -> None:
    engine = processes.start(keys("d1"), keys("e1"))
    with (
        rotating.alone(engine),
        pytest.raises(ConfigurationError, match="Another"),
        rotating.alone(engine),
    ):
        pass


def test_a_claim_during_a_renaming_waits_and_writes_the_new_name(processes: Processes) -> None:
    old = processes.start(keys("d1"), keys("e1"))
    message_id = sent(old, ADA)
    both = processes.start(keys("d2", "d1"), keys("e1"))
    rotating.turn(both)
    renaming, let_go, won = threading.Event(), threading.Event(), []

    def rename_slowly() -> None:
        with both.begin() as connection:
            lock(connection)
            [name] = connection.execute(_NAMES).scalars()
            renaming.set()
            let_go.wait(30)
            new = keys_of(both).keys[0].digest(ADA)
            connection.execute(_ONE_NAME, {"old": name, "new": new})
            rename(connection, {name: new})

    def take() -> None:
        won.append(claimed(both, ADA))

    threads = [threading.Thread(target=each) for each in (rename_slowly, take)]
    threads[0].start()
    renaming.wait(30)
    threads[1].start()
    with old.connect() as connection:
        until(lambda: connection.scalar(_WAITING_CLAIMS), "the claim waits")
    let_go.set()
    for each in threads:
        each.join()
    assert len(about(both, ADA, most=10).messages) == 2
    assert message_id
    assert isinstance(won[0][1], Claimed)


def test_who_is_named_nowhere_any_more_leaves_the_book(processes: Processes) -> None:
    engine = processes.start(keys("d1"), keys("e1"))
    suppressions.add(engine, [Suppression(ADA, "bounce", "event")])
    sent(engine, BOB)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_addresses SET used_at = now() - interval '91 days'"))
        connection.execute(text("DELETE FROM email_recipients"))
    assert forget_names(engine, older_than_seconds=90 * 86_400.0, most=10).rows == 1
    assert forget_names(engine, older_than_seconds=90 * 86_400.0, most=10).rows == 0
    assert [each.address for each in suppressions.find(engine, ADA)] == [ADA]
    with engine.begin() as connection:
        assert len(connection.execute(_NAMES).all()) == 1


def test_a_name_that_is_written_again_is_not_forgotten(processes: Processes) -> None:
    engine = processes.start(keys("d1"), keys("e1"))
    sent(engine, ADA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_addresses SET used_at = now() - interval '91 days'"))
    sent(engine, ADA)
    with engine.begin() as connection:
        used = text("SELECT used_at > now() - interval '1 day' FROM email_addresses")
        assert connection.scalar(used)
    assert forget_names(engine, older_than_seconds=90 * 86_400.0, most=10).rows == 0
