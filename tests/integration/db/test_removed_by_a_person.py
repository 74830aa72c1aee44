"""What a person took off the list stays off until there is news. Real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from config.suppression import SuppressionPolicy
from db import events as events_module
from db.events import apply
from db.suppressions import Suppression, add, find, remove
from said import DAY, NOW, a_complaint, a_hard_bounce, a_sent_message, a_soft_bounce

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from db.event_types import Event

    Said = Callable[..., Event]

ADA = "ada@example.com"
POLICY = SuppressionPolicy()


def reasons(engine: Engine) -> list[str]:
    return [each.reason for each in find(engine, ADA)]


def in_its_other_form(event: Event) -> Event:
    """As SES tells the same besides: with another feedback id, and without our tag."""
    other = f"other:{event.identity}"
    return replace(
        event,
        identity=other,
        message_id=None,
        bounces=[replace(each, feedback_id=other) for each in event.bounces],
        complaints=[replace(each, feedback_id=other) for each in event.complaints],
        suppressions=[replace(each, feedback_id=other) for each in event.suppressions],
    )


@pytest.mark.parametrize("said", [a_hard_bounce, a_complaint])
@pytest.mark.parametrize("in_the_ledger", [True, False])
def test_the_same_evidence_in_its_other_form_puts_nobody_back(
    engine: Engine, said: Said, *, in_the_ledger: bool
) -> None:
    message_id = a_sent_message(engine, ADA) if in_the_ledger else uuid4()
    event = said(message_id, ADA)
    assert len(apply(engine, [event], POLICY).suppressions) == 1
    assert remove(engine, ADA, by="grace") == 1
    for late in (event, in_its_other_form(event)):
        assert apply(engine, [late, late], POLICY).suppressions == []
    assert reasons(engine) == []


@pytest.mark.parametrize("said", [a_hard_bounce, a_complaint])
@pytest.mark.parametrize("at", [NOW - 30 * DAY, NOW])
def test_what_is_told_of_other_mail_is_news_whatever_its_time(
    engine: Engine, said: Said, at: object
) -> None:
    apply(engine, [said(uuid4(), ADA)], POLICY)
    remove(engine, ADA, by="grace")
    apply(engine, [said(uuid4(), ADA, at=at)], POLICY)
    assert len(reasons(engine)) == 1


def test_a_complaint_about_mail_that_bounced_is_news(engine: Engine) -> None:
    message_id = uuid4()
    apply(engine, [a_hard_bounce(message_id, ADA)], POLICY)
    remove(engine, ADA, by="grace")
    apply(engine, [a_complaint(message_id, ADA)], POLICY)
    assert reasons(engine) == ["complaint"]


def test_a_bounce_that_said_nothing_before_the_removal_hides_no_hard_one(engine: Engine) -> None:
    """The recipient was still being tried when the person looked."""
    message_id = uuid4()
    bounce = a_hard_bounce(message_id, ADA)
    still_tried = replace(bounce.bounces[0], status="4.0.0", feedback_id="delayed")
    add(engine, [Suppression(ADA, "manual", "operator")])
    apply(
        engine,
        [replace(bounce, identity="delayed", bounces=[still_tried], suppressions=[])],
        POLICY,
    )
    remove(engine, ADA, by="grace")
    apply(engine, [bounce], POLICY)
    assert reasons(engine) == ["bounce"]


@pytest.mark.parametrize("step", ["by_name", "suppress"])
def test_news_that_is_being_applied_while_a_person_removes_her_is_news(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    add(engine, [Suppression(ADA, "unsubscribe", "operator")])
    goes_on = getattr(events_module, step)

    def while_she_is_removed(*told: object, **terms: object) -> object:
        assert remove(engine, ADA, by="grace") == 1
        return goes_on(*told, **terms)

    monkeypatch.setattr(events_module, step, while_she_is_removed)
    apply(engine, [a_hard_bounce(uuid4(), ADA)], POLICY)
    assert reasons(engine) == ["bounce"]


def test_a_row_of_an_older_version_spoke_only_if_the_history_says_so(engine: Engine) -> None:
    said_nothing, spoke = a_hard_bounce(uuid4(), ADA), a_hard_bounce(uuid4(), ADA)
    apply(engine, [replace(said_nothing, suppressions=[])], POLICY)
    apply(engine, [spoke], POLICY)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_bounces SET suppresses = NULL"))
    remove(engine, ADA, by="grace")
    apply(engine, [in_its_other_form(spoke)], POLICY)
    assert reasons(engine) == []
    apply(engine, [in_its_other_form(said_nothing)], POLICY)
    assert reasons(engine) == ["bounce"]


def test_evidence_that_came_while_she_was_on_the_list_anyway_was_known_too(engine: Engine) -> None:
    first, second = a_hard_bounce(uuid4(), ADA), a_hard_bounce(uuid4(), ADA)
    apply(engine, [first], POLICY)
    apply(engine, [second], POLICY)
    remove(engine, ADA, by="grace")
    apply(engine, [in_its_other_form(second), in_its_other_form(first)], POLICY)
    assert reasons(engine) == []


def test_the_removal_of_one_streams_entry_is_about_that_stream(engine: Engine) -> None:
    policy = SuppressionPolicy(complaint_streams=("marketing", "notifications"))
    complaint = a_complaint(uuid4(), ADA)
    apply(engine, [complaint], policy)
    assert remove(engine, ADA, scope="marketing", by="grace") == 1
    apply(engine, [in_its_other_form(complaint)], policy)
    assert {each.scope for each in find(engine, ADA)} == {"notifications"}


def test_of_bounces_that_were_recorded_before_it_was_noted_the_permanent_ones_spoke(
    engine: Engine,
) -> None:
    bounce = a_hard_bounce(uuid4(), ADA)
    apply(engine, [bounce], POLICY)
    with engine.begin() as connection:
        connection.execute(text("UPDATE email_bounces SET suppresses = NULL"))
    remove(engine, ADA, by="grace")
    apply(engine, [in_its_other_form(bounce)], POLICY)
    assert reasons(engine) == []


def test_a_second_form_that_says_it_bounced_sooner_counts_not_anew(engine: Engine) -> None:
    """Its own time is the one that counts; known it has been since the first form."""
    ids: list[UUID] = [uuid4() for _ in range(3)]
    apply(engine, [a_soft_bounce(each, ADA, at=NOW - 0.5 * DAY) for each in ids], POLICY)
    assert reasons(engine) == ["soft_bounce"]
    remove(engine, ADA, by="grace")
    sooner = [a_soft_bounce(each, ADA, at=NOW - 0.6 * DAY, tagged=False) for each in ids]
    apply(engine, sooner, POLICY)
    assert reasons(engine) == []
