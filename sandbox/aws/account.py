"""The simulated account: three services, the book of their calls, and the faults in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aws.calls import CallBook, Counters
from sandbox.aws.faults import FaultBook
from sandbox.aws.ses.service import Ses
from sandbox.aws.sns.service import Sns
from sandbox.aws.sqs.service import Sqs
from sandbox.aws.stalls import StallWatch
from sandbox.aws.truth import Truth

if TYPE_CHECKING:
    from sandbox.aws.service import Service


class Account:
    """Everything that `reset` forgets."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.calls = CallBook(self.counters)
        self.truth = Truth(self.counters)
        self.faults = FaultBook()
        self.stalls = StallWatch()
        self.sqs = Sqs()
        self.sns = Sns(self.sqs.registry)
        self.ses = Ses(self.sns, self.truth)
        self.services: dict[str, Service] = {"sqs": self.sqs, "sns": self.sns, "ses": self.ses}

    def reset(self) -> None:
        """Back to an empty account with default settings."""
        self.faults.clear()
        self.ses.clear()
        self.sns.clear()
        self.sqs.clear()
        self.truth.clear()
        self.calls.clear()
        self.stalls.seen.clear()
        self.counters.clear()

    def close(self) -> None:
        """End what runs in the background and release what hangs."""
        self.faults.clear()
        self.ses.publisher.clear()
        self.sqs.close()
