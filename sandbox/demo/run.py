"""The demo: a whole installation, some traffic, and an account of every message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.live import Live

from db import suppressions
from db.engine import connect
from db.messages import status
from mailsluice import Mailsluice
from sandbox.accounts import Account, take_account
from sandbox.demo import traffic
from sandbox.demo.show import print_summary, progress_table
from sandbox.procfile import RELEASE, read_procfile
from sandbox.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from sandbox.installation import Installation

RATE_PER_SECOND = 40
DEADLINE_SECONDS = 90.0
LOOK_SECONDS = 0.5


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Demo:
    """One run over an installation that has been started."""

    def __init__(self, installation: Installation, console: Console) -> None:
        self._installation = installation
        self._console = console
        self._engine = connect(installation.settings())
        self._queue = Mailsluice(sqs_client=installation.sqs)
        self._began = time.monotonic()

    def run(self) -> bool:
        """Send, watch and account; answers whether everything adds up.

        Raises:
            DemoError: not everything was enqueued.
            NotInTimeError: something did not happen in time.
        """
        self._prepare_ses()
        self._start_processes()
        ids = self._enqueue()
        self._watch(ids)
        second_id = self._show_suppression()
        account = self._account(ids | {second_id})
        print_summary(self._console, account, self._seconds())
        self._engine.dispose()
        return not account.disagreements()

    def _prepare_ses(self) -> None:
        self._installation.control.ses(max_send_rate=RATE_PER_SECOND)
        self._installation.control.fault(
            "ses",
            "SendEmail",
            "status",
            status=400,
            code="MessageRejected",
            message="Address blacklisted.",
            times=1,
        )
        self._installation.ses.create_email_template(
            TemplateName=traffic.TEMPLATE,
            TemplateContent={"Subject": "Welcome, {{name}}", "Text": "Good to see you, {{name}}."},
        )

    def _start_processes(self) -> None:
        for name in read_procfile():
            if name != RELEASE:
                process = self._installation.start(name)
                self._console.print(f"started {name} (pid {process.pid})")

    def _enqueue(self) -> set[str]:
        report = self._queue.send_many(traffic.mail())
        if report.failed:
            raise DemoError(f"{len(report.failed)} messages were not enqueued")
        self._console.print(
            f"enqueued {len(report.queued)} messages; SES lets {RATE_PER_SECOND} a second through"
        )
        return {str(each) for each in report.queued}

    def _watch(self, ids: set[str]) -> None:
        with Live(console=self._console, auto_refresh=False) as live:

            def everything_settled() -> bool:
                account = self._account(ids)
                live.update(progress_table(account, self._seconds()), refresh=True)
                return account.settled == account.enqueued and self._events_are_in(account)

            self._until(everything_settled, "every message is settled and its events are in")
        self._console.print("")

    def _events_are_in(self, account: Account) -> bool:
        return account.states["sent"] == 0

    def _show_suppression(self) -> str:
        self._until(
            lambda: bool(suppressions.find(self._engine, traffic.BOUNCING)),
            "the bounced address is suppressed",
        )
        [entry] = suppressions.find(self._engine, traffic.BOUNCING)
        self._console.print(f"{entry.address} is suppressed: {entry.reason}")
        message_id = self._queue.send(traffic.second_mail_to_the_bounced_address())

        def is_suppressed() -> bool:
            found = status(self._engine, message_id)
            return found is not None and found.state == "suppressed"

        self._until(is_suppressed, "the second mail to the bounced address is held back")
        self._console.print(f"a second mail to it (id {message_id}) was not sent: suppressed")
        return str(message_id)

    def _account(self, ids: set[str]) -> Account:
        return take_account(self._engine, ids, self._installation.control.sends())

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        left_seconds = DEADLINE_SECONDS - self._seconds()
        until(condition, what, timeout_seconds=left_seconds, look_seconds=LOOK_SECONDS)

    def _seconds(self) -> float:
        return time.monotonic() - self._began
