"""Settings: known names are honoured, what cannot work is refused with its reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.checks import (
    DISPATCH_LEASE_SECONDS,
    DISPATCH_TURN_SECONDS,
    check_redrive,
    check_retention,
    check_times,
)
from config.errors import ConfigurationError
from config.settings import Settings, load_settings, mask_password
from config.suppression import SoftBounces, SuppressionPolicy
from worker.scheduler.dispatch import TAKEN_FOR_SECONDS, TURN_SECONDS

README = Path(__file__).parents[3] / "README.md"


def variables() -> set[str]:
    """Every environment variable that a setting is read from."""
    found: set[str] = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        if alias is None:
            found.add(f"MAILSLUICE_{name.upper()}")
        else:
            found |= {str(each) for each in alias.choices if str(each).isupper()}
    return found


def test_the_readme_names_every_setting() -> None:
    text = README.read_text()
    assert [name for name in sorted(variables()) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("variable", "value", "setting"),
    [
        ("AWS_DEFAULT_REGION", "us-east-1", "aws_region"),
        ("AWS_SES_FROM_EMAIL", "a@example.com", "email_from"),
        ("EMAIL_FROM", "a@example.com", "email_from"),
        ("AWS_SES_FROM_NAME", "Ada", "email_from_name"),
        ("AWS_SES_CONFIGURATION_SET", "main", "aws_ses_configuration_set"),
        ("EMAIL_PROVIDER", "aws_ses", "email_provider"),
        ("MAILSLUICE_QUEUE_PREFIX", "acme", "queue_prefix"),
    ],
)
def test_a_variable_that_users_know_is_honoured(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, setting: str
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv(variable, value)
    assert getattr(load_settings(), setting) == value


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("MAILSLUICE_CONCURRENCY", "many", "MAILSLUICE_CONCURRENCY"),
        ("MAILSLUICE_CONCURRENCY", "0", "greater than or equal to 1"),
        ("EMAIL_PROVIDER", "smtp", "EMAIL_PROVIDER"),
        ("MAILSLUICE_STREAMS", "{no json", "MAILSLUICE_STREAMS"),
        ("MAILSLUICE_STREAMS", '{"marketing": {"colour": "red"}}', "MAILSLUICE_STREAMS"),
        ("MAILSLUICE_STREAMS", '{"marketing": {"colour": "red"}}', "STREAMS.marketing.colour"),
        ("MAILSLUICE_STREAMS", '{"marketing": 5}', "MAILSLUICE_STREAMS.marketing: "),
        ("MAILSLUICE_STREAMS", '{"No Name": {}}', "is no stream name"),
        ("MAILSLUICE_STREAMS", '{"marketing": {"queue": "bad name!"}}', "STREAMS.marketing.queue"),
        ("MAILSLUICE_STREAMS", '{"marketing": {"queue": ""}}', "SQS takes 1 to 80"),
        (
            "MAILSLUICE_STREAMS",
            '{"marketing": {"configuration_set": "a b"}}',
            "STREAMS.marketing.configuration_set: 'a b' cannot be",
        ),
        ("MAILSLUICE_EVENTS_QUEUE", "events.fifo", "MAILSLUICE_EVENTS_QUEUE: 'events.fifo'"),
        ("AWS_SES_CONFIGURATION_SET", "x" * 65, "SES takes 1 to 64"),
        ("EMAIL_FROM", "nonsense", "EMAIL_FROM: must be an address"),
        ("AWS_SES_FROM_EMAIL", "nonsense", "AWS_SES_FROM_EMAIL: must be an address"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("streams", "parts"),
    [
        (
            {"marketing": {"queue": "mailsluice-transactional"}},
            ("mailsluice-transactional", "stream 'transactional'", "stream 'marketing'"),
        ),
        (
            {"marketing": {"queue": "mailsluice-events"}},
            ("mailsluice-events", "stream 'marketing'", "MAILSLUICE_EVENTS_QUEUE"),
        ),
        ({"events": {}}, ("mailsluice-events", "stream 'events'")),
    ],
)
def test_a_queue_that_would_be_two_things_is_refused_with_their_names(
    streams: dict[str, dict[str, str]], parts: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError, match="two things at once") as caught:
        load_settings(stream_overrides=streams)
    assert [part for part in parts if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    "sender",
    [
        "ada@example.com",
        "o'brien+x@mail.example.co.uk",
        "Ada Lovelace <ada@example.com>",
        '"Lovelace, Ada" <ada@example.com>',
        "<ada@example.com>",
        '"ada l"@example.com',
    ],
)
def test_a_sender_that_ses_takes_is_taken(sender: str) -> None:
    assert load_settings(email_from=sender).email_from == sender


@pytest.mark.parametrize(
    "sender",
    [
        "nonsense",
        "ada@",
        "@example.net",
        "ada@localhost",
        "ada@example..com",
        "ada@-example.com",
        "ada b@example.com",
        "Ada <ada@localhost>",
        "Ada <ada@example.com",
        "Lovelace, Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
        "ada@example.com\nBcc: bob@example.com",
        "J\u00f6rg <joerg@example.com>",
        "ada@b\u00fccher.example",
    ],
)
def test_a_sender_that_ses_would_refuse_is_refused_without_being_quoted(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="EMAIL_FROM") as caught:
        load_settings(email_from=sender)
    assert sender not in str(caught.value)


def test_a_sender_has_one_name_at_most() -> None:
    with pytest.raises(ConfigurationError, match="EMAIL_FROM_NAME"):
        load_settings(email_from="Ada <ada@example.com>", email_from_name="Bob")


@pytest.mark.parametrize(
    "name",
    ["EMAIL_FROM", "EMAIL_FROM_NAME", "AWS_SES_CONFIGURATION_SET", "MAILSLUICE_EVENTS_QUEUE"],
)
def test_a_variable_left_blank_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, " ")
    assert load_settings() == load_settings_without(monkeypatch, name)


def load_settings_without(monkeypatch: pytest.MonkeyPatch, name: str) -> Settings:
    monkeypatch.delenv(name)
    return load_settings()


def test_streams_can_be_added_changed_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SES_CONFIGURATION_SET", "main")
    monkeypatch.setenv(
        "MAILSLUICE_STREAMS",
        '{"marketing": null, "receipts": {"configuration_set": "r"}, '
        '"transactional": {"max_attempts": 3}}',
    )
    streams = load_settings(queue_prefix="acme").streams
    assert sorted(streams) == ["notifications", "receipts", "transactional"]
    assert (streams["receipts"].queue, streams["receipts"].configuration_set) == (
        "acme-receipts",
        "r",
    )
    assert streams["transactional"].max_attempts == 3
    assert streams["transactional"].unknown_policy == "resend"
    assert streams["notifications"].configuration_set == "main"


def test_the_default_times_keep_every_promise() -> None:
    check_times(load_settings())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"lease_seconds": 25}, "MAILSLUICE_LEASE_SECONDS"),
        ({"visibility_timeout_seconds": 60}, "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS"),
        ({"sqs_read_timeout_seconds": 12}, "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS"),
        (
            {"unknown_grace_seconds": 20, "record_timeout_seconds": 120},
            "MAILSLUICE_UNKNOWN_GRACE_SECONDS",
        ),
        ({"retry_max_seconds": 1}, "MAILSLUICE_RETRY_MAX_SECONDS"),
    ],
)
def test_times_that_could_break_a_promise_are_refused_with_the_least_that_would_do(
    change: dict[str, float], named: str
) -> None:
    with pytest.raises(ConfigurationError, match="must be at least") as caught:
        check_times(load_settings(**change))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"shutdown_seconds": 20}, "MAILSLUICE_SHUTDOWN_SECONDS is 20 and must be at least 26"),
        ({"max_receive_count": 3}, "MAILSLUICE_MAX_RECEIVE_COUNT is 3 and must be at least 4"),
        (
            {"concurrency": 512, "database_pool_size": 7},
            "MAILSLUICE_DATABASE_POOL_SIZE is 7 and must be at least 8",
        ),
        (
            {"sqs_read_timeout_seconds": 26},
            "MAILSLUICE_SQS_READ_TIMEOUT_SECONDS is 26 and must be at most 25",
        ),
        (
            {"stream_overrides": {"marketing": {"share": 0.6}}},
            "the shares add up to 1.1 and must be at most 1",
        ),
    ],
)
def test_what_could_break_a_promise_is_refused_with_what_would_do(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError, match="could break a promise") as caught:
        check_times(load_settings(**change))
    assert named in str(caught.value)


def test_a_scheduler_sends_for_as_long_as_the_checks_say() -> None:
    assert (TAKEN_FOR_SECONDS, TURN_SECONDS) == (DISPATCH_LEASE_SECONDS, DISPATCH_TURN_SECONDS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    connect=st.floats(0.1, 30),
    read=st.floats(0.1, 60),
    lease=st.floats(5, 3600),
    visibility=st.integers(5, 43_200),
    shutdown=st.floats(1, 600),
    shares=st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
)
def test_no_accepted_settings_let_one_time_outlast_the_one_that_must_cover_it(
    *,
    connect: float,
    read: float,
    lease: float,
    visibility: int,
    shutdown: float,
    shares: list[float],
) -> None:
    names = ("transactional", "notifications", "marketing")
    chosen = load_settings(
        connect_timeout_seconds=connect,
        ses_read_timeout_seconds=read,
        lease_seconds=lease,
        visibility_timeout_seconds=visibility,
        shutdown_seconds=shutdown,
        stream_overrides={
            name: {"share": share} for name, share in zip(names, shares, strict=True)
        },
    )
    try:
        check_times(chosen)
    except ConfigurationError as error:
        assert all("must be at" in line for line in str(error).splitlines()[1:])  # noqa: PT017
        return
    assert connect + read < shutdown
    assert connect + read < lease < visibility
    assert sum(shares) <= 1 + 1e-6


QUEUE = {"RedrivePolicy": '{"maxReceiveCount": "10"}', "MessageRetentionPeriod": "345600"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"RedrivePolicy": ""}, "has no dead-letter queue"),
        ({"RedrivePolicy": '{"maxReceiveCount": 2}'}, "after 2 receives"),
        ({"MessageRetentionPeriod": "3600"}, "forgets messages after 3600 s"),
    ],
)
def test_a_queue_that_would_lose_mail_is_refused_with_what_mends_it(
    changed: dict[str, str], sentence: str
) -> None:
    check_queue(QUEUE)
    with pytest.raises(ConfigurationError, match="mailsluice provision") as caught:
        check_queue(QUEUE | changed)
    assert sentence in str(caught.value)


def check_queue(attributes: dict[str, str]) -> None:
    check_redrive("q", attributes)
    check_retention("q", attributes)


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASECRET")
    shown = str(load_settings(database_url="postgresql://me:hidden@host/name").masked())
    assert "very-secret" not in shown
    assert "AKIASECRET" not in shown
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://me:pw@host/name", "postgresql://me:********@host/name"),
        ("postgresql://me@host/name", "postgresql://me@host/name"),
        ("postgresql://host/name", "postgresql://host/name"),
        ("postgresql://me:p@w@host/name", "postgresql://me:********@host/name"),
        ("postgresql://me:p/w@host/name", "postgresql://me:********@host/name"),
        ("postgresql://me:p?w@host/name", "postgresql://me:********@host/name"),
        ("postgresql://[::1]:5432/name", "postgresql://[::1]:5432/name"),
        ("postgresql:///name?host=/run", "postgresql:///name?host=/run"),
        (
            "postgresql://h/d?user=me&password=secret&sslmode=require",
            "postgresql://h/d?user=me&password=********&sslmode=require",
        ),
        ("postgresql://h/d?sslpassword=secret", "postgresql://h/d?sslpassword=********"),
        ("postgresql://h/d?PASSWORD=secret", "postgresql://h/d?PASSWORD=********"),
        ("postgresql://h/d?pass%77ord=secret", "postgresql://h/d?pass%77ord=********"),
        (
            "postgresql://h:1/d?user=me@x&password=s@cret",
            "postgresql://h:1/d?user=me@x&password=********",
        ),
        (
            "postgresql://me:one@h/d?application_name=a@b&password=two",
            "postgresql://me:********@h/d?application_name=a@b&password=********",
        ),
        # The host forgotten: what looks like a port may be the password.
        ("postgresql://me:secret/name", "postgresql://me:********"),
        ("postgresql://me:se?c=ret@host/name", "postgresql://me:********"),
        ("host=h password=secret", "********"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, masked: str) -> None:
    assert mask_password(url) == masked


@pytest.mark.parametrize(
    ("stream", "part"), [("transactional", 1.0), ("notifications", 0.95), ("marketing", 0.8)]
)
def test_marketing_may_use_the_least_of_the_day(stream: str, part: float) -> None:
    assert load_settings().streams[stream].quota_part == part


def test_the_part_of_the_day_is_a_setting_of_the_stream() -> None:
    chosen = load_settings(stream_overrides={"marketing": {"quota_until": 0.0}})
    assert chosen.streams["marketing"].quota_part == 0.0


@pytest.mark.parametrize("part", [-0.1, 1.1, "all"])
def test_a_part_of_the_day_that_is_none_is_refused(part: object) -> None:
    with pytest.raises(ConfigurationError, match="quota_until"):
        load_settings(stream_overrides={"marketing": {"quota_until": part}})


def test_what_each_cause_does_to_an_address_is_set_in_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_BOUNCE_DAYS", "90")
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_COMPLAINT_DAYS", " ")
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_SOFT_BOUNCES", "5")
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_SOFT_BOUNCE_WINDOW_DAYS", "7")
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_SOFT_BOUNCE_DAYS", "0.5, 2")
    policy = load_settings().suppression_policy
    assert (policy.bounce_lasts, policy.complaint_lasts) == (timedelta(days=90), None)
    assert policy.soft_bounces == SoftBounces(
        limit=5, window=timedelta(days=7), lasts=(timedelta(hours=12), timedelta(days=2))
    )


def test_by_default_bounces_and_complaints_suppress_for_ever() -> None:
    policy = load_settings().suppression_policy
    assert policy == SuppressionPolicy(unsubscribe_streams=("notifications", "marketing"))


@pytest.mark.parametrize(
    "days", ["", "7,1", "1,1", "0,1", "-1", "nan", "inf", "a,b", "1;7", "99999"]
)
def test_days_that_do_not_grow_are_refused(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setenv("MAILSLUICE_SUPPRESS_SOFT_BOUNCE_DAYS", days)
    with pytest.raises(ConfigurationError, match=r"MAILSLUICE_SUPPRESS_SOFT_BOUNCE_DAYS: .*days"):
        load_settings()


def test_a_complaint_stops_all_streams_but_those_that_go_on_after_it() -> None:
    streams = {"transactional": {"after_complaint": True}}
    policy = load_settings(stream_overrides=streams).suppression_policy
    assert policy.complaint_streams == ("notifications", "marketing")
    assert load_settings().suppression_policy.complaint_streams is None
