"""A certificate that cannot be fetched holds up nobody: what needs it stays on the queue."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from config.settings import load_settings
from consumers import authenticity
from consumers.errors import CertificateUnavailableError
from sandbox.waiting import until
from sns_envelopes import DAY, TOPIC, URL, certificate, notification, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from config.settings import Settings

OUR_TOPIC = "arn:aws:sns:eu-west-1:000000000000:mailsluice-events"
MESSAGES_PER_CALL = 10


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Our own topic is believed; the other one must sign. What is in hand stays hidden for 3 s."""
    return load_settings(
        database_url=database_url,
        receive_wait_seconds=1,
        sqs_counts_lag_seconds=1,
        events_pollers=1,
        sns_topics=(OUR_TOPIC, TOPIC),
    )


@dataclass
class Host:
    """Where the certificates are; while it is away it fails, or does not even answer."""

    is_away: bool = True
    answers: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> bytes | None:
        self.asked.append(url)
        self.answers.wait(30)
        if self.is_away:
            raise CertificateUnavailableError
        now = datetime.now(UTC)
        return certificate(valid_from=now - DAY, valid_until=now + DAY)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host()
    monkeypatch.setattr(authenticity, "fetch", made)
    yield made
    made.answers.set()


def in_need(event: object, url: str = URL) -> dict[str, Any]:
    """An envelope of the other topic, which nobody can judge without a certificate."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return signed(notification(Message=json.dumps(event), Timestamp=stamp, SigningCertURL=url))


def refused(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.execute(text("SELECT count(*) FROM refused_messages")).scalar_one()


def test_a_host_that_does_not_answer_holds_up_nobody_else(
    mailbox: Any, send: Callable[[], Any], drain: Any, host: Host
) -> None:
    for _ in range(3):
        mailbox.put([in_need(send().event("send"))] * MESSAGES_PER_CALL)
    mailbox.put(send().in_sns("bounce_permanent") for _ in range(25))
    drain.start().until_counted("events_total", 25, kind="bounce")
    until(lambda: host.asked, "a certificate is asked for")
    assert not host.answers.is_set()


def test_what_cannot_be_proved_stays_on_the_queue_and_takes_effect_when_the_host_is_back(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any, host: Host
) -> None:
    host.answers.set()
    mailbox.put([in_need(send().event("send")), send().in_sns("bounce_permanent")])
    drain.start().until_counted("events_unproven_total", 1)
    drain.until_counted("events_total", 1, kind="bounce")
    assert len(drain.control.queue(mailbox.name)["messages"]) == 1
    assert drain.count("event_loop_errors_total", stage="certificate") >= 1
    host.is_away = False
    drain.until_empty().stop()
    assert drain.count("events_total", kind="send") == 1
    assert refused(engine) == 0


def test_many_addresses_that_cannot_be_reached_are_asked_no_more_than_a_pause_allows(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any, host: Host
) -> None:
    host.answers.set()
    other = URL.removesuffix(".pem")
    mailbox.put(in_need(send().event("send"), f"{other}-{number}.pem") for number in range(40))
    mailbox.put(send().in_sns("bounce_permanent") for _ in range(15))
    drain.start().until_counted("events_total", 15, kind="bounce")
    drain.until_counted("events_unproven_total", 40).stop()
    assert len(host.asked) < 10
    assert refused(engine) == 0
    assert len(drain.control.queue(mailbox.name)["messages"]) == 40
