"""One installation on trial: mail goes in, something is disturbed, and everything is counted."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from db.engine import connect
from mailsluice import Mailsluice, Message
from sandbox.chaos.keeper import Keeper
from sandbox.chaos.rates import Rates
from sandbox.chaos.times import EVENTS_VISIBILITY_SECONDS, TIMES
from sandbox.chaos.verdict import Evidence, Traffic, ids_in, judge, read_ledger, unsettled
from sandbox.waiting import NotInTimeError, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sandbox.chaos.verdict import Verdict
    from sandbox.installation import Installation

SEND = "ses.SendEmail"
SUPPRESSED = "nobody@example.com"
SUPPRESSED_EVERY = 20
CALM_LATENCY_SECONDS = 0.05
CALM_EVENT_SECONDS = 0.005
SETTLE_SECONDS = 60.0
LOOK_SECONDS = 0.25
FLOWS_AGAIN_SECONDS = 60.0


class Trial:
    """Runs scenarios over one installation, one after the other; each counts only its own mail."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.control = installation.control
        self.engine = connect(installation.settings())
        self.keeper = Keeper(installation, TIMES)
        self._prepared = False

    def close(self) -> None:
        """Let go of the processes, which are the installation's to end, and of the database."""
        self.keeper.close()
        self.engine.dispose()

    def begin(self, *, rate: float) -> None:
        """Everything is calm, and a new account is opened."""
        if not self._prepared:
            self._prepare()
        self.traffic = Traffic()
        self.rates = Rates()
        self.calm()
        self.set_rate(rate)
        self._rate = rate
        self._began = time.monotonic()
        self._died_before = len(self.keeper.died)
        self._answers_before = Counter(self.control.calls().get(SEND, {}))
        self._sends_before = len(self.control.sends())
        self._dead_before = {name: len(self._lying_on(name)) for name in self._dead_letter_queues()}

    def set_rate(self, per_second: float) -> None:
        """SES allows so many recipients a second from now on."""
        self.control.ses(max_send_rate=per_second)
        self.rates.set(time.monotonic(), per_second)

    def calm(self) -> None:
        """End every disturbance that the simulator makes."""
        self.control.clear_faults()
        self.control.sqs(redeliver_probability=0.0, latency_seconds=0.0)
        self.control.events(hold=False, copies=1, shuffle=False, delay_seconds=CALM_EVENT_SECONDS)
        self.control.ses(
            latency_seconds=CALM_LATENCY_SECONDS,
            sending_enabled=True,
            sent_last_24_hours=0.0,
            max_24_hour_send=1_000_000.0,
            paused_configuration_sets=[],
        )

    def enqueue(
        self,
        count: int,
        *,
        send_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Put so many messages on all the streams' queues in turn.

        Every twentieth goes to an address that is suppressed.

        Raises:
            ValueError: SQS did not take all of them.
        """
        messages = list(_mail(count, list(self._streams()), send_at, expires_at))
        report = Mailsluice(sqs_client=self.installation.sqs).send_many(messages)
        if report.failed:
            raise ValueError(f"{len(report.failed)} messages were not enqueued")
        suppressed = {str(each.id) for each in messages if SUPPRESSED in each.to}
        mailable = {str(each) for each in report.queued} - suppressed
        self.traffic = Traffic(
            self.traffic.mailable | mailable, self.traffic.suppressed | suppressed
        )

    def sent(self) -> int:
        """How many sends SES has accepted since `begin`."""
        return len(self.control.sends()) - self._sends_before

    def answers(self) -> Counter[str]:
        """How the calls of SendEmail since `begin` ended: a status, `cut`, `hang`, `lost`."""
        return Counter(self.control.calls().get(SEND, {})) - self._answers_before

    def answers_of_all(self) -> Counter[str]:
        """The same, once every call that has arrived has ended: slow ones end after their mail."""
        arrived = self.control.wait_for(f"started:{SEND}", 0)
        self.control.wait_for(f"calls:{SEND}", arrived)
        return self.answers()

    def flows_again(self, within_seconds: float = FLOWS_AGAIN_SECONDS) -> list[str]:
        """Wait until SES accepts mail again; a sentence if it does not in time.

        A little more is enqueued, for nothing flows where all has been sent.
        """
        before = self.control.wait_for("sends", 0)
        self.enqueue(len(self._streams()))
        try:
            self.control.wait_for("sends", before + 1, within_seconds)
        except TimeoutError:
            return [f"no mail was accepted within {within_seconds:g} s after the cure"]
        return []

    def verdict(self, scenario: str, *, disturbances: int, broken: list[str]) -> Verdict:
        """Judge; everything should be settled."""
        return judge(
            self._evidence(),
            scenario=scenario,
            disturbances=disturbances,
            rates=self.rates,
            broken=[*broken, *self.keeper.died[self._died_before :]],
            seconds=time.monotonic() - self._began,
        )

    def settle(self) -> None:
        """Wait until every message is at its end and no copy lies on a queue, or give up."""
        # What the disturbance broke is not the account's to find.
        self.engine.dispose()
        ids = self.traffic.ids
        ends_at = time.monotonic() + SETTLE_SECONDS + 3 * len(ids) / self._rate
        with suppress(NotInTimeError):
            self._until(lambda: unsettled(self.engine, ids) == 0, ends_at)
            for queue in self._queues():
                self._until(partial(self._is_empty, queue), ends_at)

    def _until(self, condition: Callable[[], object], ends_at: float) -> None:
        left_seconds = ends_at - time.monotonic()
        until(condition, "settled", timeout_seconds=left_seconds, look_seconds=LOOK_SECONDS)

    def _evidence(self) -> Evidence:
        states, parked = read_ledger(self.engine, self.traffic.ids)
        return Evidence(
            traffic=self.traffic,
            states=states,
            parked=parked,
            sends=self.control.sends()[self._sends_before :],
            stalls=self.control.stalls(),
            on_queues=frozenset(each for name in self._queues() for each in self._lying_on(name)),
            dead=[
                each
                for name, before in self._dead_before.items()
                for each in self._lying_on(name)[before:]
            ],
        )

    def _prepare(self) -> None:
        sqs = self.installation.sqs
        url = sqs.get_queue_url(QueueName=self.installation.settings().events_queue_name)
        sqs.set_queue_attributes(
            QueueUrl=url["QueueUrl"],
            Attributes={"VisibilityTimeout": str(EVENTS_VISIBILITY_SECONDS)},
        )
        self.installation.run("suppress", ["mailsluice", "suppressions", "add", SUPPRESSED])
        self._prepared = True

    def _streams(self) -> list[str]:
        return list(self.installation.settings().streams)

    def _queues(self) -> list[str]:
        settings = self.installation.settings()
        streams = [stream.queue for stream in settings.streams.values()]
        return [*streams, settings.events_queue_name]

    def _dead_letter_queues(self) -> list[str]:
        return [f"{name}-dlq" for name in self._queues()]

    def _is_empty(self, queue: str) -> bool:
        found = self.control.queue(queue)
        return not (found["visible"] or found["in_flight"] or found["delayed"])

    def _lying_on(self, queue: str) -> list[str]:
        return ids_in(each["body"] for each in self.control.queue(queue)["messages"])


def _mail(
    count: int,
    streams: list[str],
    send_at: datetime | None,
    expires_at: datetime | None,
) -> Iterator[Message]:
    for number in range(count):
        is_suppressed = number % SUPPRESSED_EVERY == SUPPRESSED_EVERY - 1
        yield Message(
            to=SUPPRESSED if is_suppressed else f"reader{number}@example.com",
            subject="Hello",
            text="Hi",
            stream=streams[number % len(streams)],
            send_at=send_at,
            expires_at=expires_at,
        )
