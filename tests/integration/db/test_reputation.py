"""Rates are counted from rows: each bounce and complaint once, and of the mail it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from config.reputation import Tally
from db.reputation import Measured, measure
from db.sent_counts import BUCKET_SECONDS, Domains, roll_up
from past_mail import bounced, complained, sent

if TYPE_CHECKING:
    from sqlalchemy import Engine

NONE_APART = Domains()


def tally(found: Measured, scope: str, kind: str, window: str = "1h") -> tuple[int, int]:
    counted = found.of(scope, kind, window).whole
    return counted.reports, counted.recipients


def roll_up_all(engine: Engine, domains: Domains = NONE_APART) -> int:
    turns = 1
    while roll_up(engine, domains):
        turns += 1
    return turns


def counted(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        statement = "SELECT scope, can_bounce FROM sent_counts WHERE can_bounce > 0 ORDER BY 1, 2"
        return [(row.scope, row.can_bounce) for row in connection.execute(text(statement))]


def test_rates_are_those_of_each_stream_and_of_all(engine: Engine) -> None:
    bounced(engine, sent(engine, "marketing", 10)[:2])
    complained(engine, sent(engine, "transactional", 5)[:1])
    found = measure(engine, NONE_APART)
    assert tally(found, "marketing", "bounce") == (2, 10)
    assert tally(found, "marketing", "complaint") == (0, 10)
    assert tally(found, "transactional", "bounce") == (0, 5)
    assert tally(found, "transactional", "complaint") == (1, 5)
    assert tally(found, "*", "bounce") == (2, 15)
    assert tally(found, "*", "complaint") == (1, 15)
    assert found.of("notifications", "bounce", "1h").whole == Tally(0, 0)


def test_each_window_looks_back_as_far_as_its_name_says(engine: Engine) -> None:
    for hours_ago in (0.5, 2, 23, 30, 167, 170):
        bounced(engine, sent(engine, "marketing", 2, hours_ago=hours_ago)[:1])
    for _ in ("from the ledger", "from the counts"):
        found = measure(engine, NONE_APART)
        assert [tally(found, "marketing", "bounce", each) for each in ("1h", "24h", "7d")] == [
            (1, 2),
            (3, 6),
            (5, 10),
        ]
        roll_up_all(engine)


def test_a_late_bounce_is_one_of_the_mail_that_it_is_about(engine: Engine) -> None:
    bounced(engine, sent(engine, "marketing", 3, hours_ago=20))
    sent(engine, "marketing", 4)
    found = measure(engine, NONE_APART)
    assert tally(found, "marketing", "bounce", "1h") == (0, 4)
    assert tally(found, "marketing", "bounce", "24h") == (3, 7)


def test_a_redelivered_event_counts_once(engine: Engine) -> None:
    ids = sent(engine, "marketing", 4)
    for _ in range(3):
        bounced(engine, ids[:1])
        complained(engine, ids[1:2])
    found = measure(engine, NONE_APART)
    assert tally(found, "marketing", "bounce") == (1, 4)
    assert tally(found, "marketing", "complaint") == (1, 4)


def test_the_same_bounce_from_the_identity_and_the_configuration_set_counts_once(
    engine: Engine,
) -> None:
    ids = sent(engine, "marketing", 4)
    for feedback_id in ("by-identity", "by-configuration-set"):
        bounced(engine, ids[:1], feedback_id=feedback_id)
    assert tally(measure(engine, NONE_APART), "marketing", "bounce") == (1, 4)


@pytest.mark.parametrize(
    "parts",
    [
        {"bounce_type": "Transient"},
        {"bounce_type": "Undetermined", "bounce_subtype": "Undetermined"},
        {"bounce_subtype": "OnAccountSuppressionList"},
        {"bounce_subtype": "OnTenantSuppressionList"},
        {"bounce_subtype": "EmailValidationSuppressed"},
        {"bounce_subtype": "UnsubscribedRecipient"},
        {"action": "Delayed", "status": None},
        {"status": "4.0.0"},
        {"status": "smtp; 450 4.2.1"},
        {"address": "bounce+x@simulator.amazonses.com"},
    ],
    ids=lambda parts: "-".join(str(each) for each in parts.values()),
)
def test_what_is_no_hard_bounce_of_a_server_does_not_count(
    engine: Engine, parts: dict[str, str]
) -> None:
    bounced(engine, sent(engine, "marketing", 2)[:1], **parts)
    assert tally(measure(engine, NONE_APART), "marketing", "bounce") == (0, 2)


@pytest.mark.parametrize(
    "parts",
    [
        {"bounce_subtype": "Suppressed"},
        {"bounce_subtype": "NoEmail", "action": "failed"},
        {"status": None},
        {"status": "550 5.1.1 unknown"},
        {"status": "5"},
    ],
    ids=lambda parts: "-".join(str(each) for each in parts.values()),
)
def test_what_ses_counts_as_a_hard_bounce_counts(engine: Engine, parts: dict[str, str]) -> None:
    bounced(engine, sent(engine, "marketing", 2)[:1], **parts)
    assert tally(measure(engine, NONE_APART), "marketing", "bounce") == (1, 2)


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ({}, 1),
        ({"complaint_type": "abuse"}, 1),
        ({"complaint_type": "not-spam"}, 0),
        ({"complaint_type": "Not-Spam"}, 0),
        ({"complaint_type": "auth-failure"}, 0),
        ({"complaint_subtype": "OnAccountSuppressionList"}, 0),
    ],
    ids=str,
)
def test_only_a_complaint_of_a_person_about_delivered_mail_counts(
    engine: Engine, parts: dict[str, str], counts: int
) -> None:
    complained(engine, sent(engine, "marketing", 2)[:1], **parts)
    assert tally(measure(engine, NONE_APART), "marketing", "complaint") == (counts, 2)


def test_a_report_that_names_all_who_may_have_complained_is_one_complaint(engine: Engine) -> None:
    family = ["ada@example.com", "bob@example.com", "eve@example.com"]
    ids = sent(engine, "marketing", to=family)
    complained(engine, ids, *family, report="first")
    assert tally(measure(engine, NONE_APART), "marketing", "complaint") == (1, 3)
    complained(engine, ids, *family, report="second")
    assert tally(measure(engine, NONE_APART), "marketing", "complaint") == (2, 3)


def test_the_simulator_and_who_was_suppressed_are_nobody_that_was_mailed(engine: Engine) -> None:
    sent(engine, "marketing", to=["success@simulator.amazonses.com"])
    [message_id] = sent(engine, "marketing", to=["ada@example.com", "bob@example.com"])
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE email_recipients SET state = 'suppressed' "
                "WHERE message_id = :id AND address LIKE 'bob%'"
            ),
            {"id": message_id},
        )
    for _ in ("from the ledger", "from the counts"):
        assert tally(measure(engine, NONE_APART), "*", "bounce") == (0, 1)
        roll_up_all(engine)


def test_domains_that_are_treated_apart_are_in_one_denominator_only(engine: Engine) -> None:
    apart = Domains(verified=["example.com"], silent=["gmail.com"])
    for address in ("a@example.com", "b@mail.example.com", "c@gmail.com", "d@badexample.com"):
        bounced(engine, sent(engine, "marketing", to=[address], hours_ago=0.5), address)
    for _ in ("from the ledger", "from the counts"):
        found = measure(engine, apart)
        assert tally(found, "marketing", "bounce") == (2, 2)
        assert tally(found, "marketing", "complaint") == (0, 3)
        roll_up_all(engine, apart)


def test_a_bounce_that_came_before_its_message_was_known_is_found_by_the_id_of_ses(
    engine: Engine,
) -> None:
    [message_id] = sent(engine, "marketing")
    bounced(engine, [message_id])
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_bounces SET message_id = NULL"))
    assert tally(measure(engine, NONE_APART), "marketing", "bounce") == (1, 1)


def test_a_bounce_of_mail_that_others_sent_is_in_no_rate(engine: Engine) -> None:
    bounced(engine, [uuid4()])
    assert tally(measure(engine, NONE_APART), "*", "bounce") == (0, 0)


def test_what_is_counted_once_is_not_counted_again(engine: Engine) -> None:
    sent(engine, "marketing", 3, hours_ago=2)
    sent(engine, "transactional", 2, hours_ago=1.5)
    roll_up_all(engine)
    before = counted(engine)
    assert before == [("*", 2), ("*", 3), ("marketing", 3), ("transactional", 2)]
    roll_up_all(engine)
    assert counted(engine) == before
    assert tally(measure(engine, NONE_APART), "*", "bounce", "24h") == (0, 5)


def test_what_may_still_change_is_counted_from_the_ledger_each_time(engine: Engine) -> None:
    sent(engine, "marketing", 3)
    roll_up_all(engine)
    assert counted(engine) == []
    sent(engine, "marketing", 2)
    assert tally(measure(engine, NONE_APART), "marketing", "bounce") == (0, 5)


def test_the_past_is_counted_in_turns_that_leave_none_of_it_out(
    engine: Engine,
) -> None:
    for hours_ago in range(2, 12):
        sent(engine, "marketing", hours_ago=hours_ago)
    assert roll_up_all(engine) >= 10
    assert counted(engine) == [("*", 1)] * 10 + [("marketing", 1)] * 10


def test_hours_without_mail_take_no_turn(engine: Engine) -> None:
    sent(engine, "marketing", hours_ago=160)
    sent(engine, "marketing", hours_ago=2)
    assert roll_up_all(engine) <= 4
    assert counted(engine) == [("*", 1)] * 2 + [("marketing", 1)] * 2


def test_old_counts_are_forgotten(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO sent_counts VALUES ('*', now() - interval '9 days', 7, 7)")
        )
    sent(engine, "marketing", hours_ago=1)
    roll_up_all(engine)
    assert ("*", 7) not in counted(engine)


def test_a_bucket_is_a_whole_part_of_an_hour() -> None:
    assert 3600 % BUCKET_SECONDS == 0
