"""The verdict on a scenario finds each breach of a promise, and nothing where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from config.tags import MESSAGE_ID_TAG
from sandbox.aws.stalls import Stall
from sandbox.aws.truth import Send
from sandbox.chaos.rates import Rates, densest_second, most_above, most_unexplained
from sandbox.chaos.report import as_markdown
from sandbox.chaos.verdict import Evidence, Traffic, ids_in, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.chaos.verdict import Verdict

GOOD, OTHER, BARRED = (str(uuid4()) for _ in range(3))


def send(message_id: str, *, at: float = 0.0, recipients: int = 1) -> Send:
    return Send(
        ses_message_id=str(uuid4()),
        source="me@example.com",
        to=["ada@example.com"],
        cc=[],
        bcc=[],
        tags={MESSAGE_ID_TAG: message_id},
        configuration_set=None,
        content_kind="simple",
        action="SendEmail",
        recipients=recipients,
        monotonic=at,
    )


def verdict(rates: Rates | None = None, **changes: Any) -> Verdict:
    evidence = {
        "traffic": Traffic(frozenset({GOOD, OTHER}), frozenset({BARRED})),
        "states": {GOOD: "delivered", OTHER: "sent", BARRED: "suppressed"},
        "parked": frozenset(),
        "sends": [send(GOOD), send(OTHER)],
        "on_queues": frozenset(),
        "dead": [],
    }
    return judge(
        Evidence(**{**evidence, **changes}),
        scenario="a scenario",
        disturbances=3,
        rates=rates or Rates(),
        broken=[],
        seconds=1.0,
    )


def states(**changes: str) -> dict[str, str]:
    found = {GOOD: "delivered", OTHER: "sent", BARRED: "suppressed"}
    return found | {
        {"good": GOOD, "other": OTHER, "barred": BARRED}[k]: v for k, v in changes.items()
    }


def test_where_all_adds_up_there_is_no_problem() -> None:
    assert verdict().problems() == []


def test_a_message_that_nobody_knows_is_lost() -> None:
    known = states()
    del known[OTHER]
    assert verdict(states=known, sends=[send(GOOD)]).lost == [OTHER]


def test_a_message_that_an_outage_made_fail_is_lost_too() -> None:
    assert verdict(states=states(other="failed"), sends=[send(GOOD)]).lost == [OTHER]


def test_a_message_that_the_ledger_calls_sent_and_ses_never_took_is_lost() -> None:
    found = verdict(sends=[send(GOOD)])
    assert found.lost == [OTHER]
    assert any("accepted only by the ledger" in problem for problem in found.problems())


def test_a_message_that_ses_accepted_twice_is_named() -> None:
    assert verdict(sends=[send(GOOD), send(OTHER), send(GOOD)]).twice == [GOOD]


def test_mail_to_a_suppressed_address_is_named() -> None:
    assert verdict(sends=[send(GOOD), send(OTHER), send(BARRED)]).suppressed_but_sent == [BARRED]


def test_what_is_neither_at_its_end_nor_parked_with_a_time_is_stuck() -> None:
    sends = [send(GOOD)]
    assert verdict(states=states(other="unknown"), sends=sends).stuck == [OTHER]
    assert verdict(states=states(other="parked"), sends=sends).stuck == [OTHER]
    in_time = verdict(states=states(other="parked"), parked=frozenset({OTHER}), sends=sends)
    assert (in_time.stuck, in_time.lost) == ([], [])


def test_what_only_lies_on_a_queue_is_stuck_and_not_lost() -> None:
    known = states()
    del known[OTHER]
    found = verdict(states=known, sends=[send(GOOD)], on_queues=frozenset({OTHER}))
    assert (found.stuck, found.lost) == ([OTHER], [])


def test_a_dead_letter_is_a_problem() -> None:
    assert verdict(dead=[GOOD]).problems() == [f"1 in a dead-letter queue: {GOOD}"]


def test_the_id_of_a_message_is_found_in_the_body_of_its_job() -> None:
    assert ids_in([f'{{"body": "[[{{\\"id\\": \\"{GOOD}\\"}}]]"}}', "no JSON"]) == [GOOD, "no JSON"]


def at_times(moments: Iterable[float]) -> list[Send]:
    return [send(str(uuid4()), at=moment) for moment in moments]


def test_the_densest_sliding_second_is_held_against_the_rate() -> None:
    rates = Rates()
    rates.set(0.0, 2.0)
    assert most_above(at_times([1.0, 1.5, 2.0, 2.5]), rates) == 0
    assert most_above(at_times([1.9, 2.0, 2.1, 2.2]), rates) == 2
    assert most_above([send(GOOD, at=1.0, recipients=5)], rates) == 3


def test_more_in_a_second_than_the_rate_is_a_problem() -> None:
    rates = Rates()
    rates.set(0.0, 40.0)
    mail = {"states": {}, "traffic": Traffic()}
    within = verdict(rates, sends=at_times(n / 43 for n in range(43)), **mail)
    assert (within.over_rate, within.problems()) == (3, [])
    above = verdict(rates, sends=at_times(n / 45 for n in range(45)), **mail)
    assert above.problems() == ["5 recipients above the rate in one second"]


def test_what_came_while_the_simulator_stood_still_is_explained() -> None:
    rates = Rates()
    rates.set(0.0, 40.0)
    sends = at_times([*[1.0] * 8, *(1.0 + n / 40 for n in range(40))])
    assert most_unexplained(sends, rates, [Stall(at=1.0, seconds=0.2)]) == 0
    assert most_unexplained(sends, rates, [Stall(at=9.0, seconds=0.2)]) == 5


def test_the_densest_second_begins_anywhere_and_counts_recipients() -> None:
    assert densest_second([]) == 0
    assert densest_second(at_times([1.0, 1.9, 2.0, 2.1, 2.8])) == 4
    assert densest_second([send(GOOD, at=1.0, recipients=5), send(OTHER, at=1.5)]) == 6


def test_a_rate_that_fell_counts_a_second_later() -> None:
    rates = Rates()
    rates.set(0.0, 4.0)
    rates.set(10.0, 2.0)
    assert most_above(at_times([10.1, 10.2, 10.3, 10.4]), rates) == 0
    assert most_above(at_times([11.5, 11.6, 11.7, 11.8]), rates) == 2


def test_the_report_is_a_table_with_what_is_broken_below() -> None:
    report = as_markdown([verdict(), verdict(dead=[GOOD])], seed=7)
    lines = report.splitlines()
    assert lines[0] == "Seed 7"
    assert len({len(line) for line in lines if line.startswith("|")}) == 1
    assert [line.split("|")[-2].strip() for line in lines[4:6]] == ["ok", "BROKEN"]
    assert lines[-1] == f"- a scenario: 1 in a dead-letter queue: {GOOD}"
