"""Events with real signatures: the true ones take effect, the others only leave a trace."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from sqlalchemy import text

from config import aws
from config.settings import load_settings
from consumers import authenticity, fetching
from consumers.errors import CertificateUnavailableError
from db import unknowns, watermarks
from db.claims import Candidate, Claimed, claim
from db.ledger import Held, Why, record_unknown
from db.messages import status

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.aws.server import SimulatorThread

ACCOUNT = "000000000000"
MISSING = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0000.pem"


@pytest.fixture
def settings(database_url: str) -> Settings:
    """All events must be signed."""
    return load_settings(
        database_url=database_url,
        receive_wait_seconds=1,
        sqs_read_timeout_seconds=1.5,
        database_connect_timeout_seconds=1,
        sns_verify="always",
    )


class Sns:
    """A topic whose envelopes go onto the event queue, signed, or come back to be changed."""

    def __init__(self, simulator: SimulatorThread, settings: Settings, queue: str) -> None:
        self._sns = boto3.client(
            "sns", endpoint_url=simulator.endpoint_url, region_name="eu-west-1"
        )
        self._sqs = aws.sqs(settings)
        self._side = self._sqs.create_queue(QueueName="side")["QueueUrl"]
        self._queue = queue

    def publish(self, event: object, *, version: str = "1", subject: str | None = None) -> None:
        """Publish onto the event queue."""
        self._publish(f"events-{version}", self._queue, event, version, subject)

    def sign(self, event: object, *, topic: str = "aside", version: str = "2") -> dict[str, Any]:
        """The envelope that SNS writes around the event."""
        self._publish(topic, "side", event, version, "A subject")
        [message] = self._sqs.receive_message(QueueUrl=self._side)["Messages"]
        self._sqs.delete_message(QueueUrl=self._side, ReceiptHandle=message["ReceiptHandle"])
        envelope: dict[str, Any] = json.loads(message["Body"])
        return envelope

    def _publish(
        self, topic: str, queue: str, event: object, version: str, subject: str | None
    ) -> None:
        attributes = {"SignatureVersion": version}
        arn = self._sns.create_topic(Name=topic, Attributes=attributes)["TopicArn"]
        endpoint = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue}"
        self._sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
        optional = {} if subject is None else {"Subject": subject}
        self._sns.publish(TopicArn=arn, Message=json.dumps(event) + "\n", **optional)


@pytest.fixture
def sns(simulator: SimulatorThread, settings: Settings, mailbox: Any) -> Sns:
    return Sns(simulator, settings, mailbox.name)


def refused(engine: Engine) -> list[tuple[Any, ...]]:
    query = "SELECT may_be_ours, count(*) FROM refused_messages GROUP BY 1"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def state_of(engine: Engine, message_id: UUID) -> str:
    found = status(engine, message_id)
    assert found is not None
    return found.state


def test_signed_events_of_both_versions_take_effect(
    engine: Engine, sns: Sns, send: Callable[[], Any], drain: Any
) -> None:
    sent = [send() for _ in range(4)]
    for each, version, subject in zip(sent, "1122", ["A subject", None] * 2, strict=True):
        sns.publish(each.event("bounce_permanent"), version=version, subject=subject)
    drain.start().until_empty().stop()
    assert {state_of(engine, each.message_id) for each in sent} == {"bounced"}
    assert refused(engine) == []


def test_what_is_not_believed_leaves_its_batch_alone_and_is_kept(
    engine: Engine, sns: Sns, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    victim, other = send(), send()
    true = sns.sign(other.event("bounce_permanent"))
    lie = victim.event("complaint")
    other_key = base64.b64encode(b"0" * 128).decode()
    mailbox.put(
        [
            true | {"Message": json.dumps(lie)},
            sns.sign(lie) | {"Signature": other_key},
            sns.sign(lie) | {"SigningCertURL": MISSING.replace("eu-west-1.", "")},
            sns.sign(lie) | {"SigningCertURL": true["SigningCertURL"][:-5] + "x.pem"},
            true,
            victim.in_sns("complaint"),
            victim.event("complaint"),
            sns.sign(lie) | {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:theirs"},
        ]
    )
    drain.start().until_empty().stop()
    assert state_of(engine, other.message_id) == "bounced"
    assert state_of(engine, victim.message_id) == "sent"
    assert refused(engine) == [(False, 7)]
    assert drain.count("events_refused_total", reason_class="forged") == 5
    assert drain.count("events_refused_total", reason_class="unsigned") == 1
    assert drain.count("events_refused_total", reason_class="wrong_topic") == 1


def test_a_replayed_event_changes_nothing(
    engine: Engine, sns: Sns, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    envelope = sns.sign(send().event("bounce_permanent"))
    mailbox.put([envelope] * 3)
    drain.start().until_empty()
    mailbox.put([envelope])
    drain.until_empty().stop()
    assert drain.count("events_total", kind="bounce") == 1
    assert drain.count("email_bounces_total", type="Permanent", subtype="General") == 1


def test_one_certificate_is_fetched_once_and_an_outage_of_it_is_waited_out(
    engine: Engine,
    sns: Sns,
    send: Callable[[], Any],
    drain: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def back_at_the_third_time(url: str) -> bytes | None:
        asked.append(url)
        if len(asked) < 3:
            raise CertificateUnavailableError
        return fetching.fetch(url)

    monkeypatch.setattr(authenticity, "fetch", back_at_the_third_time)
    sent = [send() for _ in range(12)]
    drain.mailbox.put(["unsigned"] + [sns.sign(each.event("bounce_permanent")) for each in sent])
    drain.start().until_counted("events_refused_total", 1, reason_class="unsigned")
    assert drain.count("events_total", kind="bounce") == 0
    drain.until_empty().stop()
    assert {state_of(engine, each.message_id) for each in sent} == {"bounced"}
    assert len(asked) == 3
    assert drain.count("event_loop_errors_total", stage="certificate") >= 2
    assert refused(engine) == [(False, 1)]


def test_the_process_ends_though_a_certificate_cannot_be_fetched(
    engine: Engine,
    sns: Sns,
    send: Callable[[], Any],
    drain: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_url: str) -> bytes | None:
        raise CertificateUnavailableError

    monkeypatch.setattr(authenticity, "fetch", away)
    sent = send()
    drain.mailbox.put([sns.sign(sent.event("bounce_permanent"))])
    drain.start().until_counted("event_loop_errors_total", 1, stage="certificate")
    assert drain.stop()
    assert refused(engine) == []
    monkeypatch.undo()
    assert state_of(engine, sent.message_id) == "sent"
    assert len(drain.control.queue(drain.mailbox.name)["messages"]) == 1


def test_a_forged_event_does_not_make_an_unknown_outcome_wait_for_a_person(
    engine: Engine, sns: Sns, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    message_id = lost(engine)
    envelope = sns.sign(send().event("send"))
    mailbox.put([envelope | {"Message": envelope["Message"] + " "}, "no envelope"])
    drain.start().until_empty().stop()
    assert refused(engine) == [(False, 2)]
    watermarks.advance(engine, mailbox.name, watermarks.moment(engine))
    assert unknowns.hold_doubtful(engine, events_queues=[mailbox.name]) == []
    assert unknowns.resend_proven(engine, events_queues=[mailbox.name]) == [message_id]


def test_signed_nonsense_still_makes_it_wait(
    engine: Engine, sns: Sns, mailbox: Any, drain: Any
) -> None:
    message_id = lost(engine)
    mailbox.put([sns.sign(["no event"])])
    drain.start().until_empty().stop()
    watermarks.advance(engine, mailbox.name, watermarks.moment(engine))
    assert unknowns.resend_proven(engine, events_queues=[mailbox.name]) == []
    assert unknowns.hold_doubtful(engine, events_queues=[mailbox.name]) == [message_id]


def lost(engine: Engine) -> UUID:
    """A message that SES may have taken."""
    each = Candidate(
        id=uuid4(), stream="marketing", recipients=["a@example.com"], payload={}, provable=True
    )
    won = claim(engine, each, lease_seconds=60, grace_seconds=60)
    assert isinstance(won, Claimed)
    why = Why("ReadTimeoutError", "No answer came back.")
    record_unknown(
        engine, Held(each.id, won.attempt), why, payload={"id": "the job"}, grace_seconds=0
    )
    return each.id
