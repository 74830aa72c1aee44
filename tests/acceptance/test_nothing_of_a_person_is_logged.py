"""No address, subject or body in any log line or metric: the demo's traffic, and worse."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import text

from mailsluice import Mailsluice
from sandbox.accounts import take_account
from sandbox.demo import traffic
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailsluice import Message
    from sandbox.installation import Installation
    from sandbox.watch import Watch

PROCESSES = ("worker", "worker_bulk", "scheduler", "events")
# The most that is ever logged, and soon.
LOUD = {"MAILSLUICE_LOG_LEVEL": "DEBUG", "MAILSLUICE_QUEUE_MEASURE_SECONDS": "1"}
FIXTURES = Path(__file__).parents[1] / "fixtures" / "events"

PERSON = "ada.lovelace@persons.example"
SUBJECT = "Secret subject of hers"
BODY = "Secret body of hers"
TELLING = (PERSON, SUBJECT, BODY)

_ADDRESS = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+\.[\w.-]+", re.IGNORECASE)


def leaks(told: str, secrets: Iterable[str]) -> set[str]:
    """What of the secrets is in a text, in any case and encoding, and whatever is an address."""
    lowered = told.lower()
    found = {
        secret
        for secret in secrets
        if any(
            form.lower() in lowered for form in (secret, quote(secret), json.dumps(secret)[1:-1])
        )
    }
    return found | set(_ADDRESS.findall(told))


def secrets_of(messages: Iterable[Message]) -> set[str]:
    """Every recipient, subject, line of text and value of a template."""
    found = set(TELLING)
    for message in messages:
        found |= set(message.recipients())
        data = message.template.data if message.template else {}
        found |= {str(each) for each in data.values()}
        found |= {line for line in (message.text or "").splitlines() if line}
        found |= {message.subject} if message.subject else set()
    return found


def job(**changes: object) -> str:
    told = {
        "id": str(uuid.uuid4()),
        "version": 1,
        "stream": "transactional",
        "to": [PERSON],
        "subject": SUBJECT,
        "text": BODY,
        **changes,
    }
    return json.dumps(
        {
            "body": json.dumps([[told], {}, {}]),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {"task": "mailsluice.deliver", "id": told["id"]},
            "properties": {},
        }
    )


REFUSED_JOBS = [
    job(surprise=PERSON),
    job(to=[f"{PERSON}@"]),
    job(to=[PERSON, "no address"], version=2),
    job(stream=PERSON),
    job(subject=f"{SUBJECT}\nBcc: {PERSON}"),
    f"no JSON, but {PERSON}, {SUBJECT} and {BODY}",
    json.dumps([PERSON]),
]


def odd_events() -> list[str]:
    """Events of her with all that servers say, and some that nobody can read."""
    samples = {each.stem: each.read_text() for each in FIXTURES.glob("*.json")}
    named = [each.replace("ada@example.com", PERSON) for each in samples.values()]
    bounce = json.loads(samples["bounce_permanent"].replace("ada@example.com", PERSON))
    bounce["mail"]["messageId"] = "another"
    bounce["mail"]["commonHeaders"] = {"subject": SUBJECT, "to": [f"Ada <{PERSON}>"]}
    bounce["bounce"]["feedbackId"] = PERSON
    bounce["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = f"550 <{PERSON}>: {SUBJECT}"
    cut = json.dumps(bounce)[:-9]
    nobody = json.dumps({"eventType": "Bounce", "bounce": PERSON, "mail": SUBJECT})
    forged = json.dumps({"Type": "Notification", "TopicArn": PERSON, "Message": cut})
    unknown = json.dumps({"eventType": PERSON, "mail": {"destination": [PERSON]}})
    return [*named, json.dumps(bounce), cut, nobody, forged, unknown, f"{PERSON} {BODY}"]


@pytest.fixture(scope="module")
def running(installation: Installation) -> Installation:
    control = installation.control
    control.ses(max_send_rate=200)
    for status, code in ((400, "MessageRejected"), (400, "BadRequestException"), (500, "Internal")):
        control.fault(
            "ses",
            "SendEmail",
            "status",
            status=status,
            code=code,
            message=f"Address <{PERSON}> is blacklisted: {SUBJECT}.",
            times=1,
        )
    installation.ses.create_email_template(
        TemplateName=traffic.TEMPLATE,
        TemplateContent={"Subject": "Welcome, {{name}}", "Text": "Good to see you, {{name}}."},
    )
    for name in PROCESSES:
        installation.start(name, **LOUD)
    return installation


@pytest.fixture(scope="module")
def secrets(running: Installation, watch: Watch) -> set[str]:
    """All the traffic, when it is over; answers what it held."""
    messages = list(traffic.mail())
    report = Mailsluice(sqs_client=running.sqs).send_many(messages)
    assert not report.failed
    put(running, "mailsluice-transactional", REFUSED_JOBS)
    put(running, "mailsluice-events", odd_events())
    options = ("--to", PERSON, "--subject", SUBJECT, "--text", BODY)
    assert running.launch("send", ["mailsluice", "send", *options]).wait() == 0
    ids = {str(each) for each in report.queued}

    def is_over() -> bool:
        account = take_account(watch.engine, ids, running.control.sends())
        return account.settled == account.enqueued and account.states["sent"] == 0

    until(is_over, "every message is settled and its events are in", timeout_seconds=120)
    until(lambda: refused(watch) >= len(REFUSED_JOBS) + 3, "what is no good is refused")
    return secrets_of(messages)


def put(running: Installation, queue: str, bodies: Iterable[str]) -> None:
    url = running.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    for body in bodies:
        running.sqs.send_message(QueueUrl=url, MessageBody=body)


def refused(watch: Watch) -> int:
    with watch.engine.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM refused_messages")).scalar_one())


def test_no_log_line_of_any_process_tells_of_a_person(
    running: Installation, secrets: set[str]
) -> None:
    found = {}
    for process in running.processes:
        lines = process.log_path.read_text(errors="replace").splitlines()
        assert lines, process.name
        found |= {line: told for line in lines if (told := leaks(line, secrets))}
    assert found == {}


def test_no_metric_of_any_process_tells_of_a_person(
    running: Installation, secrets: set[str]
) -> None:
    for name in PROCESSES:
        for process in running.processes:
            if process.name == name:
                assert leaks(process.metrics(), secrets) == set(), name


@pytest.mark.usefixtures("secrets")
def test_the_traffic_was_what_may_tell_of_a_person(running: Installation, watch: Watch) -> None:
    """Bounces, complaints, refusals of all kinds: the scan has something to find."""
    metrics = {each.name: each.metrics() for each in running.processes if each.is_running}
    for name in ("email_bounces_total", "email_complaints_total", "events_refused_total"):
        assert f"mailsluice_{name}{{" in metrics["events"], name
    for outcome in ("sent", "reject", "halt", "unknown"):
        assert f'outcome="{outcome}"' in metrics["worker"] + metrics["worker_bulk"], outcome
    with watch.engine.begin() as connection:
        kept = connection.execute(
            text("SELECT count(*) FROM refused_messages WHERE strpos(body, :person) > 0"),
            {"person": PERSON},
        ).scalar_one()
    assert kept >= len(REFUSED_JOBS)


def test_what_people_read_in_the_tables_quotes_nobody(watch: Watch, secrets: set[str]) -> None:
    columns = (
        "SELECT outcome_reason FROM email_messages",
        "SELECT diagnostic_code FROM email_bounces",
        "SELECT reporting_mta FROM email_bounces",
        "SELECT user_agent FROM email_complaints",
        "SELECT reason FROM refused_messages",
    )
    recipients = {each.lower() for each in secrets if "@" in each}
    with watch.engine.begin() as connection:
        for column in columns:
            told = "\n".join(str(row) for row in connection.execute(text(column)).scalars())
            assert not {each for each in recipients if each in told.lower()}, column


@pytest.mark.parametrize(
    "told",
    [
        f'{{"event": "sent to {PERSON}"}}',
        f"error at https://x.example/?m={quote(PERSON)}",
        f"{SUBJECT.upper()}",
        f"body={quote(BODY)}",
        "somebody.else@example.org",
    ],
)
def test_the_scan_finds_what_it_looks_for(told: str) -> None:
    assert leaks(told, TELLING)
