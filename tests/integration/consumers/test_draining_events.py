"""Events on the queue become states, records and suppressions, each once; only then they go."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from consumers.witness import HIDDEN_FOR_LAGS, LONGEST_GAP_LAGS, LOOKS_FOR_A_PROOF, Witness
from db import watermarks
from db.messages import status
from db.suppressions import find
from db.watermarks import drained_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from consumers.queues import EventQueue
    from sandbox.aws.control import Control

LIFE = ["send", "delivery", "delivery_delay", "bounce_permanent", "open", "click", "complaint"]
NO_EVENTS = ["sns_topic_validated", "sns_subscription_confirmation"]
POISON = ["no JSON at all", '{"eventType": "Bounce"}', "[]"]


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def state_of(engine: Engine, sent: Any) -> str:
    found = status(engine, sent.message_id)
    assert found is not None
    return found.state


def test_a_bounce_closes_the_book_and_suppresses_the_address(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    sent = send()
    mailbox.put([sent.in_sns("bounce_permanent")])
    drain.start().until_empty()
    found = status(engine, sent.message_id)
    assert found is not None
    assert (found.state, found.recipients) == ("bounced", {sent.address: "bounced"})
    [entry] = find(engine, sent.address)
    assert (entry.reason, entry.source, entry.message_id) == ("bounce", "event", sent.message_id)
    drain.stop()
    assert drain.count("email_bounces_total", type="Permanent", subtype="General") == 1
    assert drain.count("email_suppressions_total", reason="bounce") == 1


def test_all_events_of_many_messages_twice_in_any_order_with_poison_between(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    messages = [send() for _ in range(12)]
    bodies = [
        form(name) for sent in messages for name in LIFE for form in (sent.in_sns, sent.event)
    ]
    random.Random(7).shuffle(bodies)  # noqa: S311  the same order each time
    bodies[40:40] = POISON
    mailbox.put(bodies)
    drain.start().until_empty().stop()

    assert {state_of(engine, sent) for sent in messages} == {"complained"}
    for sent in messages:
        assert [each.reason for each in find(engine, sent.address)] == ["complaint"]
    assert rows(engine, "SELECT count(*) FROM email_events") == [(12 * len(LIFE),)]
    assert drain.count("email_bounces_total", type="Permanent", subtype="General") == 12
    assert drain.count("email_complaints_total", type="abuse") == 12
    assert drain.count("events_total", kind="click") == 12
    assert drain.count("events_unmatched_total") == 0
    kept = rows(engine, "SELECT body FROM refused_messages ORDER BY body")
    assert kept == [(body,) for body in sorted(POISON)]
    assert drain.count("events_refused_total", reason_class="not_json") == 1


def test_what_is_delivered_again_and_again_is_counted_once(
    engine: Engine, control: Control, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    control.sqs(redeliver_probability=0.5, seed=3)
    messages = [send() for _ in range(30)]
    mailbox.put(sent.in_sns("bounce_permanent") for sent in messages)
    drain.start().until_empty().stop()
    assert drain.count("event_batch_size_sum") > 30
    assert drain.count("email_bounces_total", type="Permanent", subtype="General") == 30
    assert drain.count("events_total", kind="bounce") == 30
    assert rows(engine, "SELECT count(*) FROM email_bounces") == [(30,)]


def test_messages_that_are_no_events_are_counted_and_deleted(
    engine: Engine, mailbox: Any, drain: Any, samples: Callable[[str], Any]
) -> None:
    mailbox.put(
        [samples(name) for name in NO_EVENTS]
        + [samples("identity_notifications_enabled"), samples("unknown_kind"), samples("s3_test")]
    )
    drain.start().until_empty().stop()
    for kind in ("topic_validated", "subscription_confirmation", "notifications_enabled"):
        assert drain.count("event_notices_total", kind=kind) == 1
    assert drain.count("events_total", kind="unrecognised") == 2
    assert rows(engine, "SELECT count(*) FROM refused_messages") == [(0,)]


def test_nothing_is_deleted_before_it_is_committed(
    engine: Engine,
    send: Callable[[], Any],
    drain: Any,
    eventually: Callable[..., None],
) -> None:
    drain.mailbox.put([send().in_sns("complaint")])
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE email_events"))
        drain.start()
        eventually(lambda: rows(engine, blocked) == [(1,)])
        assert "sqs.DeleteMessageBatch" not in drain.control.calls()
    drain.until_empty()
    assert rows(engine, "SELECT count(*) FROM email_complaints") == [(1,)]


def test_a_poisonous_event_harms_no_other_of_its_batch(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    messages = [send() for _ in range(25)]
    bad = messages[13]
    refuse_in_database(engine, bad.ses_message_id)
    mailbox.put(sent.in_sns("bounce_permanent") for sent in messages)
    drain.start().until_empty().stop()
    assert [state_of(engine, sent) for sent in messages].count("bounced") == 24
    assert state_of(engine, bad) == "sent"
    [(reason, body)] = rows(engine, "SELECT reason, body FROM refused_messages")
    assert reason == "The database refused it: NumericValueOutOfRange 22003."
    assert bad.ses_message_id in body
    assert drain.count("events_refused_total", reason_class="database") == 1
    assert drain.count("events_total", kind="bounce") == 24


def refuse_in_database(engine: Engine, ses_message_id: str) -> None:
    """As if one event held a value that PostgreSQL cannot store."""
    with engine.begin() as connection:
        connection.execute(
            text(f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.ses_message_id = '{ses_message_id}' THEN
                    RAISE EXCEPTION 'out of range' USING ERRCODE = '22003';
                END IF;
                RETURN NEW;
            END $$
            """)
        )
        connection.execute(
            text("""
            CREATE TRIGGER refusing BEFORE INSERT ON email_events
            FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
        )


def test_a_deep_queue_is_drained_in_large_batches(
    mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    sent = send()
    mailbox.put(sent.in_sns("open") | {"n": number} for number in range(250))
    drain.start().until_empty().stop()
    assert drain.count("event_batch_size_sum") == 250
    assert drain.count("event_batch_size_count") < 10


def test_several_pollers_share_the_queue(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    messages = [send() for _ in range(60)]
    mailbox.put(sent.in_sns(name) for name in LIFE for sent in messages)
    drain.start().until_empty().stop()
    assert {state_of(engine, sent) for sent in messages} == {"complained"}
    assert drain.count("events_total", kind="send") == 60


def test_an_empty_queue_advances_the_watermark(
    engine: Engine, mailbox: Any, drain: Any, eventually: Callable[..., None]
) -> None:
    drain.start()
    eventually(lambda: drained_until(engine, mailbox.name) is not None)
    first = drained_until(engine, mailbox.name)
    assert first is not None
    eventually(lambda: (drained_until(engine, mailbox.name) or first) > first)
    [(behind,)] = rows(engine, "SELECT now() > drained_until FROM consumer_watermarks")
    assert behind


def test_traffic_that_never_ends_does_not_hold_the_watermark_back(
    engine: Engine,
    mailbox: Any,
    send: Callable[[], Any],
    drain: Any,
    eventually: Callable[..., None],
) -> None:
    sent = send()

    def is_advanced_beside_more_and_more_events() -> bool:
        mailbox.put([sent.in_sns("open"), sent.in_sns("click")])
        return drained_until(engine, mailbox.name) is not None

    drain.start()
    eventually(is_advanced_beside_more_and_more_events)


def test_a_message_in_other_hands_holds_the_watermark_back(
    engine: Engine, control: Control, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    """Whoever holds it may die before it is applied: what it says is not known yet."""
    mailbox.put([send().in_sns("send")])
    mailbox.take_one()
    drain.start()
    control.wait_for("calls:sqs.GetQueueAttributes", 12, timeout_seconds=30)
    assert drained_until(engine, mailbox.name) is None


def test_a_dead_letter_of_the_events_queue_holds_the_watermark_back(
    engine: Engine, control: Control, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    """A consumer that died ten times with an event in hand has not heard it."""
    mailbox.put_dead_letter(send().in_sns("send"))
    drain.start()
    control.wait_for("calls:sqs.GetQueueAttributes", 24, timeout_seconds=30)
    assert drained_until(engine, mailbox.name) is None


class Counts:
    """A queue whose counts come from a list, at moments that the test gives."""

    name = "events"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 0.0
        self._takes_seconds = 0.0
        self._is_empty = True
        monkeypatch.setattr("consumers.witness.time.monotonic", lambda: self._now)

    def holds_nothing(self) -> bool:
        self._now += self._takes_seconds
        return self._is_empty

    def seen(self, witness: Witness, looks: list[tuple[float, bool, float]]) -> None:
        for self._now, self._is_empty, self._takes_seconds in looks:
            witness.look()


def at_once(*looks: tuple[float, bool]) -> list[tuple[float, bool, float]]:
    return [(at, is_empty, 0.0) for at, is_empty in looks]


@pytest.mark.parametrize(
    ("looks", "is_proved"),
    [
        (at_once((0, True), (61, True)), False),
        (at_once((0, True), (61, True), (122, True)), True),
        (at_once((0, True), (10, True), (59, True), (70, True)), False),
        (at_once((0, True), (30, False), (61, True), (122, True)), True),
        (at_once((0, True), (61, False), (80, True), (141, True)), True),
        (at_once((0, False), (61, True), (122, True)), False),
        (at_once((0, True), (61, True), (122, False)), False),
        # As long as that, something could have changed its place once more.
        (at_once((0, True), (91, True), (152, True)), False),
        (at_once((0, True), (91, True), (152, True), (213, True)), True),
        # SQS answered late, so that the counts were less than a lag apart.
        ([(0, True, 58), (61, True, 0), (122, True, 0)], False),
        # The process was stopped in the midst of a look, so that they were much more apart.
        ([(0, True, 0), (61, True, 280), (402, True, 0)], False),
    ],
)
def test_a_proof_wants_three_looks_at_nothing_that_are_a_lag_apart_and_not_much_more(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    looks: list[tuple[float, bool, float]],
    is_proved: bool,  # noqa: FBT001  a case of the table
) -> None:
    queue: Any = Counts(monkeypatch)
    queue.seen(Witness(queue, engine, lag_seconds=60), looks)
    assert (drained_until(engine, "events") is not None) == is_proved


def test_what_lay_there_less_than_a_lag_before_the_first_look_is_not_proved(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue: Any = Counts(monkeypatch)
    before = watermarks.moment(engine)
    looks = at_once((0, True), (61, True), (122, True))
    queue.seen(Witness(queue, engine, lag_seconds=60), looks)
    proved = drained_until(engine, "events")
    assert proved is not None
    assert abs(proved - (before - timedelta(seconds=60))) < timedelta(seconds=10)


def test_what_a_consumer_has_stays_hidden_for_longer_than_any_proof(
    control: Control, mailbox: Any, send: Callable[[], Any], event_queue: EventQueue
) -> None:
    assert HIDDEN_FOR_LAGS > (LOOKS_FOR_A_PROOF - 1) * LONGEST_GAP_LAGS
    mailbox.put([send().in_sns("send")])
    event_queue.receive(wait_seconds=0)
    call = control.queue(mailbox.name)
    assert (call["visible"], call["in_flight"]) == (0, 1)


@pytest.mark.parametrize("form", ["event", "in_sns"])
def test_a_lost_answer_is_settled_by_its_send_event(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any, form: str
) -> None:
    sent = send()
    forget_the_answer(engine)
    mailbox.put([getattr(sent, form)("send")])
    drain.start().until_empty()
    found = status(engine, sent.message_id)
    assert found is not None
    assert (found.state, found.ses_message_id) == ("sent", sent.ses_message_id)


def forget_the_answer(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_messages SET state = 'unknown', ses_message_id = NULL")
        )
