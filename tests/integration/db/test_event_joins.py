"""Events that come before the ledger knows their message join it, without being told again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from config.suppression import SoftBounces, SuppressionPolicy
from db.claims import Claimed, Settled
from db.event_joins import join_tagged, join_untagged
from db.events import apply
from db.ledger import Held, record_sent
from db.messages import status
from db.states import EventKind, MessageState, RecipientState
from db.suppressions import find
from said import (
    DAY,
    NOW,
    a_claim,
    a_complaint,
    a_delivery,
    a_hard_bounce,
    a_sent_message,
    a_soft_bounce,
    an_event,
    ses_id,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
POLICY = SuppressionPolicy(soft_bounces=SoftBounces(limit=2, window=14 * DAY, lasts=(10 * DAY,)))


def join(engine: Engine, *, within_seconds: float = 900) -> int:
    return join_tagged(engine, POLICY) + join_untagged(
        engine, POLICY, within_seconds=within_seconds
    )


def told(engine: Engine, message_id: UUID) -> tuple[str, dict[str, str], list[str]]:
    """State of a message, of its recipients, and its timeline."""
    found = status(engine, message_id)
    assert found is not None
    return found.state, found.recipients, sorted(each.kind for each in found.events)


def _restore(engine: Engine, message_id: UUID) -> None:
    """Put a message into the ledger whatever the list says of its recipient."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO email_messages (id, stream, state, ses_message_id)"
                " VALUES (:id, 'news', 'sent', :ses)"
            ),
            {"id": message_id, "ses": ses_id(message_id)},
        )
        connection.execute(
            text("INSERT INTO email_recipients VALUES (:id, :address, 'sent')"),
            {"id": message_id, "address": ADA},
        )


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_an_event_without_our_tag_that_outran_the_record_of_the_answer_joins_it(
    engine: Engine,
) -> None:
    message_id = uuid4()
    won = a_claim(engine, [ADA, BOB], message_id=message_id)
    assert isinstance(won, Claimed)
    bounce = a_hard_bounce(message_id, ADA, tagged=False)
    applied = apply(engine, [bounce, a_delivery(message_id, BOB, tagged=False)], POLICY)
    assert len(applied.unmatched) == 2
    assert [each.reason for each in find(engine, ADA)] == ["bounce"]
    assert join(engine) == 0

    assert record_sent(engine, Held(message_id, won.attempt), ses_message_id=ses_id(message_id))
    assert join(engine) == 2

    recipients = {ADA: "bounced", BOB: "delivered"}
    assert told(engine, message_id) == ("bounced", recipients, ["bounce", "delivery"])
    assert rows(engine, "SELECT message_id FROM email_bounces") == [(message_id,)]
    assert join(engine) == 0


def test_a_message_that_only_its_events_know_is_not_sent_again(engine: Engine) -> None:
    """The ledger was restored from a backup, and the job is on SQS still."""
    message_id = uuid4()
    apply(engine, [a_delivery(message_id, ADA), a_complaint(message_id, BOB)], POLICY)

    found = a_claim(engine, [ADA, BOB], message_id=message_id)

    assert found == Settled(MessageState.SENT, by_this_claim=True)
    assert join(engine) == 2
    recipients = {ADA: "delivered", BOB: "complained"}
    assert told(engine, message_id) == ("complained", recipients, ["complaint", "delivery"])
    known = status(engine, message_id)
    assert known is not None
    assert (known.ses_message_id, known.attempts) == (ses_id(message_id), 0)
    assert known.sent_at is not None


def test_a_message_of_which_ses_only_said_that_it_was_sent_gets_its_id_and_time(
    engine: Engine,
) -> None:
    message_id = uuid4()
    apply(engine, [an_event(EventKind.SEND, message_id)], POLICY)
    a_claim(engine, [ADA], message_id=message_id)
    join(engine)
    known = status(engine, message_id)
    assert known is not None
    assert (known.state, known.ses_message_id) == ("sent", ses_id(message_id))
    assert known.sent_at is not None


@pytest.mark.parametrize("kind", EventKind)
def test_whatever_ses_says_of_a_message_it_has_had_it(engine: Engine, kind: EventKind) -> None:
    message_id = uuid4()
    apply(engine, [an_event(kind, message_id)], POLICY)
    assert isinstance(a_claim(engine, [ADA], message_id=message_id), Settled)
    assert join(engine) == 1


def test_what_is_delivered_again_once_the_message_is_there_joins_it_at_once(
    engine: Engine,
) -> None:
    message_id = uuid4()
    bounce = a_hard_bounce(message_id, ADA)
    apply(engine, [bounce], POLICY)
    a_claim(engine, [ADA, BOB], message_id=message_id)
    assert apply(engine, [bounce], POLICY).events == []
    assert told(engine, message_id)[0] == "bounced"
    assert join(engine) == 0


def test_mail_of_others_in_the_account_is_looked_for_only_for_a_while(engine: Engine) -> None:
    foreign = uuid4()
    apply(engine, [a_delivery(foreign, ADA, tagged=False)], POLICY)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_events SET received_at = now() - interval '1 hour'"))
    a_sent_message(engine, ADA, message_id=foreign)
    assert join(engine, within_seconds=900) == 0
    assert join(engine, within_seconds=7200) == 1


@pytest.mark.parametrize("in_the_ledger", [True, False])
def test_a_delivery_that_joins_late_ends_the_count_of_soft_bounces(
    engine: Engine, *, in_the_ledger: bool
) -> None:
    late = uuid4()
    bounced = [a_sent_message(engine, ADA) if in_the_ledger else uuid4() for _ in range(2)]
    apply(engine, [a_delivery(late, ADA, at=NOW - 1.5 * DAY)], POLICY)
    for days, message_id in enumerate(bounced, start=1):
        apply(engine, [a_soft_bounce(message_id, ADA, at=NOW - days * DAY)], POLICY)
    assert find(engine, ADA) == []
    a_claim(engine, [ADA], message_id=late)
    assert join(engine) == 1
    assert find(engine, ADA) == []
    apply(engine, [a_soft_bounce(uuid4(), ADA, at=NOW)], POLICY)
    assert [each.reason for each in find(engine, ADA)] == ["soft_bounce"]


def test_a_delivery_that_bounced_after_all_ends_no_count_before_it_joins_or_after(
    engine: Engine,
) -> None:
    late = uuid4()
    apply(engine, [a_soft_bounce(uuid4(), ADA, at=NOW - 2 * DAY)], POLICY)
    apply(engine, [a_delivery(late, ADA, at=NOW - DAY, tagged=False)], POLICY)
    apply(engine, [a_soft_bounce(late, ADA, at=NOW, tagged=False)], POLICY)
    assert [each.reason for each in find(engine, ADA)] == ["soft_bounce"]
    _restore(engine, late)
    assert join(engine) == 2
    assert [each.reason for each in find(engine, ADA)] == ["soft_bounce"]


def test_an_opening_is_joined_without_ending_a_count(engine: Engine) -> None:
    message_id = uuid4()
    proven = {ADA: RecipientState.DELIVERED}
    apply(engine, [an_event(EventKind.OPEN, message_id, recipients=proven)], POLICY)
    a_claim(engine, [ADA], message_id=message_id)
    assert join(engine) == 1
    assert rows(engine, "SELECT state, delivered_at FROM email_recipients") == [("delivered", None)]


def test_many_that_look_at_once_join_each_event_once(engine: Engine) -> None:
    ids = [uuid4() for _ in range(60)]
    apply(engine, [a_delivery(each, ADA) for each in ids], POLICY)
    for each in ids:
        a_claim(engine, [ADA], message_id=each)
    start = threading.Barrier(3)
    joined: list[int] = []

    def look() -> None:
        start.wait()
        joined.append(join(engine))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(joined) == len(ids)
    assert {told(engine, each)[0] for each in ids} == {"delivered"}
