"""What rests in the database of a person is encrypted, and found all the same. Real PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from config.errors import ConfigurationError
from db import (
    erasing,
    events,
    feedback_reports,
    parking,
    quarantine,
    refused,
    suppressions,
    timelines,
)
from db.address_keys import keys_of
from db.address_naming import named
from db.address_reports import about
from db.claims import Claimed, Settled
from db.engine import check
from db.erasing import erase
from db.errors import KeysMissingError
from db.event_types import Event
from db.messages import status
from db.models import Base
from db.scrubbing import scrub
from db.ses_list import Listing, keep_page, next_in
from db.ses_readings import begin, position
from db.states import EventKind, RecipientState
from db.suppression_changes import history
from db.suppression_export import export
from db.suppression_loading import loading
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
    waits_for_a_lock,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from sqlalchemy import Connection, Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
CARL = "carl@sub.example.com"
REGION = "eu-west-1"


@pytest.fixture
def processes(database_url: str) -> Iterator[Processes]:
    made = Processes(database_url)
    yield made
    made.close()


@pytest.fixture
def sealed(processes: Processes) -> Engine:
    return processes.start(keys("d1"), keys("e1"))


def traffic(engine: Engine) -> dict[str, object]:
    """Ada in every table there is; answers the ids of her messages."""
    bounced, complained, waits = sent(engine, ADA), sent(engine, ADA, BOB), parked(engine, ADA)
    events.apply(engine, [bounce_of(ADA, message_id=bounced), complaint_of(ADA, complained)])
    events.apply(engine, [bounce_of(ADA, message_id=uuid4()), bounce_of(CARL, soft=True)])
    suppressions.add(engine, [Suppression(BOB, "unsubscribe", "operator", scope="marketing")])
    refused.keep(engine, queue="q", sqs_message_id="1", reason="no JSON", body=f"To: {ADA}")
    at = position(engine, REGION)
    begin(engine, at, full=True, full_seconds=1)
    listings = [Listing("Ada@Example.com", "BOUNCE"), Listing(CARL, "BOUNCE")]
    keep_page(engine, position(engine, REGION), listings, "next")
    with loading(engine) as load:
        load.take([Suppression("dora@example.com", "manual", "import")])
        list(load.merge(by="Grace"))
    return {"bounced": bounced, "complained": complained, "waits": waits}


def test_no_column_of_any_table_holds_an_address_or_subject(sealed: Engine) -> None:
    traffic(sealed)
    told = everything(sealed).lower()
    filled = {line.partition(":")[0] for line in told.splitlines()}
    assert {"email_messages", "email_recipients", "email_events", "email_bounces"} <= filled
    assert {"email_complaints", "email_suppressions", "ses_suppressions"} <= filled
    assert {"refused_messages", "email_suppression_changes", "email_addresses"} <= filled
    assert filled <= {table.name for table in Base.metadata.sorted_tables}
    for hidden in ("ada@", "bob@", "carl@", "dora@", "example.com", "a secret"):
        assert hidden not in told


def test_whoever_may_ask_sees_the_addresses(sealed: Engine) -> None:
    ids = traffic(sealed)
    assert {each.address for page in suppressions.pages(sealed) for each in page} == {
        ADA,
        BOB,
        "dora@example.com",
    }
    assert {each.address for each in history(sealed, ADA)} == {ADA}
    found = about(sealed, ADA, most=10)
    assert (len(found.messages), len(found.bounces), len(found.complaints)) == (3, 2, 1)
    assert {entry.reason for entry in found.entries} == {"complaint"}
    listed = feedback_reports.bounces(sealed, days=1, stream=None, most=10)
    assert {each.address for each in listed} == {ADA, CARL}
    message = status(sealed, ids["complained"])  # type: ignore[arg-type]
    assert message is not None
    assert message.recipients == {ADA: "complained", BOB: "sent"}
    record = timelines.on_record(sealed, ids["bounced"])  # type: ignore[arg-type]
    assert record is not None
    assert [each.address for each in record.recipients] == [ADA]
    assert record.events[0].raw["mail"]["destination"] == [ADA]
    assert quarantine.body(sealed, ["q"], 1) == f"To: {ADA}"


def test_an_export_tells_addresses_and_can_be_imported_again(sealed: Engine) -> None:
    suppressions.add(sealed, [Suppression('"a,b"@example.com', "manual", "operator", note="a, b")])
    suppressions.add(sealed, [Suppression(ADA, "bounce", "event")])
    with export(sealed) as (count, lines):
        written = b"".join(lines).decode().splitlines()
    assert count == len(written) - 1
    assert written[0] == "address,scope,reason,created_at,expires_at,note"
    assert sorted(line.rpartition("@example.com")[0] for line in written[1:]) == [
        '"""a,b""',
        "ada",
    ]


def test_what_is_told_again_of_a_known_address_is_the_same_entry(sealed: Engine) -> None:
    suppressions.add(sealed, [Suppression(ADA, "bounce", "event")])
    with loading(sealed) as load:
        load.take([Suppression(ADA, "bounce", "import"), Suppression(BOB, "bounce", "import")])
        [(_, compared)] = load.compare()
        [(_, merged)] = load.merge(by="Grace")
    assert (compared.same, compared.new) == (merged.same, merged.new) == (1, 1)


def test_a_comparison_leaves_nothing_behind(sealed: Engine) -> None:
    before = everything(sealed)
    with loading(sealed) as load:
        load.take([Suppression(ADA, "bounce", "import")])
        list(load.compare())
    assert everything(sealed) == before


def test_what_was_parked_goes_back_to_its_queue_as_it_came(sealed: Engine) -> None:
    parked(sealed, ADA)
    [due] = parking.take_due(sealed, ["marketing"], most=10, lease_seconds=60)
    assert due.payload["to"] == [ADA]


def test_a_job_that_cannot_be_read_stands_in_no_other_ones_way(sealed: Engine) -> None:
    unreadable, readable = parked(sealed, ADA), parked(sealed, BOB)
    with sealed.begin() as connection:
        connection.execute(
            text("UPDATE email_messages SET payload = :told WHERE id = :id"),
            {"told": '{"sealed":"aes:gone:AAAA"}', "id": unreadable},
        )
    told: list[UUID] = []
    due = parking.take_due(
        sealed, ["marketing"], most=10, lease_seconds=60, on_unreadable=told.append
    )
    assert ([each.id for each in due], told) == ([readable], [unreadable])


def test_a_list_with_an_address_and_its_own_digest_has_one_entry_for_both(sealed: Engine) -> None:
    digest = keys_of(sealed).keys[0].digest(ADA)
    sent(sealed, ADA)
    with loading(sealed) as incoming:
        incoming.take(
            [Suppression(ADA, "bounce", "import"), Suppression(digest, "complaint", "import")]
        )
        assert len(list(incoming.merge(by="grace"))) == 1
    assert [each.reason for each in suppressions.find(sealed, ADA)] == ["complaint"]


def test_a_suppressed_address_is_recognised_by_its_digest(sealed: Engine) -> None:
    suppressions.add(sealed, [Suppression(ADA, "bounce", "event")])
    _, won = claimed(sealed, ADA, BOB)
    assert isinstance(won, Claimed)
    assert won.blocked == {ADA}
    assert isinstance(claimed(sealed, ADA)[1], Settled)


def test_ses_is_told_addresses_as_it_spells_them(sealed: Engine) -> None:
    traffic(sealed)
    told = next_in(sealed, REGION, "new")
    assert told is not None
    assert told.spelling in {"Ada@Example.com", CARL}


def test_a_claim_while_she_is_erased_does_not_put_her_back_into_the_book(
    sealed: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(sealed, ADA)
    with sealed.begin() as connection:
        connection.execute(text("UPDATE email_addresses SET used_at = now() - interval '1 year'"))
    out_of_the_book, let_go = threading.Event(), threading.Event()
    renamed = erasing._renamed

    def slowly(connection: Connection, names: Iterable[str], digest: str) -> dict[str, int]:
        out_of_the_book.set()
        let_go.wait(30)
        return renamed(connection, names, digest)

    monkeypatch.setattr(erasing, "_renamed", slowly)
    with ThreadPoolExecutor(2) as pool:
        erased = pool.submit(erase, sealed, ADA)
        assert out_of_the_book.wait(30)
        claim = pool.submit(claimed, sealed, ADA)
        until(lambda: waits_for_a_lock(sealed), "the claim waits")
        let_go.set()
        erased.result(30)
        assert isinstance(claim.result(30)[1], Settled)
    with sealed.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM email_addresses")) == 0


def test_two_batches_of_events_about_one_address_do_not_hold_each_others_rows(
    sealed: Engine,
) -> None:
    suppressions.add(sealed, [Suppression(ADA, "bounce", "event")])
    row = text("SELECT FROM email_suppressions FOR UPDATE NOWAIT")
    with sealed.begin() as one, sealed.begin() as other:
        assert named(one, [ADA]).of(ADA) != ADA
        assert len(other.execute(row).all()) == 1


def test_who_is_erased_is_in_the_book_no_more_and_stays_unmailed(sealed: Engine) -> None:
    ids = traffic(sealed)
    suppressions.remove(sealed, ADA)
    done = erase(sealed, ADA, by="Grace")
    scrub(sealed, ADA)
    assert done.ended == [ids["waits"]]
    assert done.rows["email_bounces"] == 2
    assert about(sealed, ADA, most=10).messages == []
    message = status(sealed, ids["bounced"])  # type: ignore[arg-type]
    assert message is not None
    assert ADA not in message.recipients
    record = timelines.on_record(sealed, ids["bounced"])  # type: ignore[arg-type]
    assert record is not None
    assert [each.raw for each in record.events] == [{}]
    assert quarantine.body(sealed, ["q"], 1) == "[erased]"
    assert isinstance(claimed(sealed, ADA)[1], Settled)
    events.apply(sealed, [bounce_of(ADA, message_id=uuid4())])
    assert not any(each.address == ADA for page in suppressions.pages(sealed) for each in page)


@pytest.mark.parametrize(
    ("digest", "encryption", "says"),
    [
        (keys("d1"), keys("e2"), "ENCRYPTION_KEYS lacks the key e1"),
        (keys("d2"), keys("e1"), "ADDRESS_KEYS lacks the key d1"),
        (keys("d1"), "", "ENCRYPTION_KEYS lacks the key e1"),
        ("", "", "ADDRESS_KEYS lacks the key d1|ENCRYPTION_KEYS lacks the key e1"),
        (keys("d1"), keys("e2").replace("e2:", "e1:"), "another secret for key e1"),
    ],
)
def test_nobody_starts_without_a_key_that_rows_need(
    processes: Processes, sealed: Engine, digest: str, encryption: str, says: str
) -> None:
    traffic(sealed)
    rotate(sealed)
    with pytest.raises(ConfigurationError, match=says):
        check(processes.connect(digest, encryption))


def test_who_was_started_without_the_keys_claims_nothing(
    processes: Processes, sealed: Engine
) -> None:
    late = processes.connect()
    suppressions.add(sealed, [Suppression(ADA, "bounce", "event")])
    rotate(sealed)
    with pytest.raises(KeysMissingError):
        claimed(late, ADA)
    with pytest.raises(KeysMissingError):
        events.apply(late, [bounce_of(ADA)])


def test_an_event_that_waited_finds_its_recipient(sealed: Engine) -> None:
    message_id = uuid4()
    delivered = Event(
        identity="delivery:1",
        kind=EventKind.DELIVERY,
        occurred_at=bounce_of(ADA).occurred_at,
        raw={},
        message_id=message_id,
        recipients={ADA: RecipientState.DELIVERED},
    )
    events.apply(sealed, [delivered])
    assert ADA not in everything(sealed)
