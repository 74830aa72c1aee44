"""What a rate is, and from which one on it counts."""

from __future__ import annotations

import json

import pytest

from config.checks import check_times
from config.errors import ConfigurationError
from config.reputation import (
    BOUNCE,
    COMPLAINT,
    Level,
    Limits,
    Tally,
    is_to_be_shut,
    level_of,
    limits_of,
    shuts,
)
from config.settings import Settings, load_settings

LIMITS = Limits(warn=0.02, shut=0.05, min_recipients=200, min_reports=5)


def with_streams(monkeypatch: pytest.MonkeyPatch, **streams: object) -> Settings:
    monkeypatch.setenv("MAILSLUICE_STREAMS", json.dumps(streams))
    return load_settings()


def test_where_nothing_was_sent_there_is_no_rate() -> None:
    assert Tally(3, 0).rate is None
    assert level_of(Tally(3, 0), LIMITS) is Level.GOOD


def test_a_rate_is_never_above_one() -> None:
    assert Tally(3, 2).rate == 1.0


@pytest.mark.parametrize(
    ("reports", "recipients", "level"),
    [
        (3, 200, Level.GOOD),
        (4, 200, Level.WARNED),
        (9, 200, Level.WARNED),
        (10, 200, Level.SHUT),
        (199, 199, Level.GOOD),
        (0, 0, Level.GOOD),
    ],
)
def test_a_limit_counts_from_its_own_value_on_and_from_enough_mail(
    reports: int, recipients: int, level: Level
) -> None:
    assert level_of(Tally(reports, recipients), LIMITS) is level


def test_few_complaints_warn_and_never_shut() -> None:
    limits = Limits(warn=0.0005, shut=0.001, min_recipients=200, min_reports=5)
    assert level_of(Tally(4, 200), limits) is Level.WARNED
    assert level_of(Tally(5, 200), limits) is Level.SHUT


def test_a_rate_that_wavers_at_its_limit_stays_at_its_level() -> None:
    assert level_of(Tally(19, 1000), LIMITS) is Level.GOOD
    assert level_of(Tally(19, 1000), LIMITS, Level.WARNED) is Level.WARNED
    assert level_of(Tally(17, 1000), LIMITS, Level.WARNED) is Level.GOOD
    assert level_of(Tally(46, 1000), LIMITS, Level.WARNED) is Level.WARNED
    assert level_of(Tally(46, 1000), LIMITS, Level.SHUT) is Level.SHUT


def test_a_gate_shuts_at_its_limit_and_opens_only_below_the_warning() -> None:
    def decide(*reports: int, is_shut: bool) -> bool:
        return is_to_be_shut([(Tally(n, 1000), LIMITS) for n in reports], is_shut=is_shut)

    assert not decide(49, 0, is_shut=False)
    assert decide(0, 50, is_shut=False)
    assert decide(0, 20, is_shut=True)
    assert not decide(19, 0, is_shut=True)


def test_the_limits_are_those_of_ses_reviews_and_warn_well_before() -> None:
    settings = load_settings()
    marketing = settings.streams["marketing"]
    assert limits_of(settings, marketing, BOUNCE) == Limits(0.02, 0.05, 200, 5)
    assert limits_of(settings, marketing, COMPLAINT) == Limits(0.0005, 0.001, 200, 5)


def test_high_priority_goes_on_until_ses_would_pause_the_account() -> None:
    settings = load_settings()
    transactional = settings.streams["transactional"]
    assert limits_of(settings, transactional, BOUNCE) == Limits(0.02, 0.10, 200, 5)
    assert limits_of(settings, transactional, COMPLAINT) == Limits(0.0005, 0.005, 200, 5)


def test_a_stream_has_limits_of_its_own_where_it_names_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = with_streams(
        monkeypatch,
        marketing={"bounce_shut": 0.08, "complaint_warn": 0.0008, "reputation_min_recipients": 9},
        transactional={"bounce_shut": 0.03},
    )
    marketing = settings.streams["marketing"]
    assert limits_of(settings, marketing, BOUNCE) == Limits(0.02, 0.08, 9, 5)
    assert limits_of(settings, marketing, COMPLAINT) == Limits(0.0008, 0.001, 9, 5)
    assert limits_of(settings, settings.streams["transactional"], BOUNCE).shut == 0.03
    assert limits_of(settings, None, BOUNCE) == Limits(0.02, 0.05, 200, 5)


def test_the_rate_of_all_mail_only_warns_unless_it_is_told_to_shut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = with_streams(monkeypatch, marketing={"reputation_shuts": False})
    assert not shuts(settings, None)
    assert not shuts(settings, settings.streams["marketing"])
    assert shuts(settings, settings.streams["notifications"])
    monkeypatch.setenv("MAILSLUICE_REPUTATION_SHUTS_ALL", "true")
    assert shuts(load_settings(), None)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MAILSLUICE_REPUTATION_BOUNCE_WARN", "0.05", "all mail together"),
        ("MAILSLUICE_STREAMS", '{"marketing": {"complaint_warn": 0.002}}', "stream 'marketing'"),
    ],
)
def test_a_warning_that_comes_after_the_gate_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=told):
        check_times(load_settings())


def test_domains_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().reputation_silent_domains == ("gmail.com", "googlemail.com")
    monkeypatch.setenv("MAILSLUICE_REPUTATION_SILENT_DOMAINS", "")
    monkeypatch.setenv("MAILSLUICE_REPUTATION_VERIFIED_DOMAINS", "Example.com, example.net,")
    settings = load_settings()
    assert settings.reputation_silent_domains == ()
    assert settings.reputation_verified_domains == ("example.com", "example.net")
