"""Everything that can go wrong while a message is made, parsed or enqueued."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailsluice.report import Report

# A key that came with the message may itself be an address; such a name is not repeated.
_HARMLESS_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a message.

    `says` is for whoever wrote the message and may quote its values; `reason` never does. `path`
    leads to the value, as ("to", 0); it is empty when the message as a whole is meant.
    """

    path: tuple[str | int, ...]
    says: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.says}" if self.path else self.says

    @property
    def field(self) -> str:
        """The path as it is read: `to[0]`, `unsubscribe.url`."""
        return _written(self.path)

    @property
    def redacted(self) -> str:
        """Field and reason, without any value of the message."""
        harmless = tuple(
            part if isinstance(part, int) or _HARMLESS_NAME.fullmatch(part) else "…"
            for part in self.path
        )
        return f"{_written(harmless)}: {self.reason}" if self.path else self.reason


def _written(path: tuple[str | int, ...]) -> str:
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return written.removeprefix(".")


class MailsluiceError(Exception):
    """Anything that this package raises on purpose."""


class ConfigurationError(MailsluiceError):
    """The client lacks a setting, or has one that cannot work; the text says which."""


class MessageError(MailsluiceError, ValueError):
    """The message cannot be sent as it is: mend every field that the text names.

    The text quotes the offending values, addresses among them, for the developer who made the
    message. Logs and records take `redacted`.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    @property
    def redacted(self) -> str:
        """What is wrong, in one line, without any value of the message."""
        return "; ".join(problem.redacted for problem in self.problems)


class UnsupportedVersion(MessageError):  # noqa: N818  the contract's own word
    """The job speaks a newer version of the contract: upgrade the workers, then redrive it."""


class EnvelopeError(MessageError):
    """What lies on the queue is not a Celery message that carries one job."""


class EnqueueError(MailsluiceError):
    """The message did not get into its queue, as far as is known; the text says what to do.

    Sending the same `Message` again is always safe: it keeps its id, and an id is sent once.
    """


class QueueNotFoundError(EnqueueError):
    """The stream has no queue: provision it, or check stream name, queue prefix and region."""


class EnqueueInterruptedError(EnqueueError):
    """`send_many` had to stop before the end of the messages.

    `report` tells what became of every message that was taken; the first that was not taken is
    number `report.taken`, counted from 0.
    """

    def __init__(self, why: str, report: Report) -> None:
        super().__init__(why, report)
        self.why = why
        self.report = report

    def __str__(self) -> str:
        return f"{self.why} {self.report}"
