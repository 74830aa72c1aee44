"""The mail of the demo: three streams, the mailbox simulator's addresses, and some mistakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mailsluice import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMULATOR = "simulator.amazonses.com"
BOUNCING = f"bounce+demo@{SIMULATOR}"
TEMPLATE = "demo-welcome"

TRANSACTIONAL = 80
NOTIFICATIONS = 100
MARKETING = 150
SCHEDULED_SECONDS = 5


def mail() -> Iterator[Message]:
    """A few hundred messages, as an application would enqueue them."""
    yield from _password_resets()
    yield from _notifications()
    yield from _campaign()
    yield from _mistakes()


def second_mail_to_the_bounced_address() -> Message:
    """What must not be sent once the bounce is known."""
    return _plain(BOUNCING, "Your invoice, once more", "notifications")


def _password_resets() -> Iterator[Message]:
    for number in range(TRANSACTIONAL):
        yield _plain(f"success+reset{number}@{SIMULATOR}", "Your new password", "transactional")


def _notifications() -> Iterator[Message]:
    yield _plain(BOUNCING, "Your invoice", "notifications")
    yield _plain(f"complaint+demo@{SIMULATOR}", "Your invoice", "notifications")
    yield _plain(f"ooto+demo@{SIMULATOR}", "Your invoice", "notifications")
    yield _plain(f"suppressionlist+demo@{SIMULATOR}", "Your invoice", "notifications")
    for number in range(NOTIFICATIONS):
        yield _plain(f"reader{number}@example.com", "News of your account", "notifications")
    soon = datetime.now(UTC) + timedelta(seconds=SCHEDULED_SECONDS)
    for number in range(5):
        yield _plain(f"later{number}@example.com", "A reminder", "notifications", send_at=soon)


def _campaign() -> Iterator[Message]:
    for number in range(MARKETING):
        yield Message(
            to=f"customer{number}@example.com",
            template=TEMPLATE,
            data={"name": f"Customer {number}"},
            stream="marketing",
            unsubscribe={"url": f"https://example.com/unsubscribe/{number}"},
        )


def _mistakes() -> Iterator[Message]:
    """A template that does not exist, and a sender that is not verified."""
    yield Message(to="a@example.com", template="no-such-template", stream="marketing")
    yield _plain("b@example.com", "From nobody", "notifications", sender="me@unverified.example")


def _plain(
    to: str,
    subject: str,
    stream: str,
    *,
    send_at: datetime | None = None,
    sender: str | None = None,
) -> Message:
    text = f"{subject}\n\nThis is a message of the demo."
    return Message(to=to, subject=subject, text=text, stream=stream, send_at=send_at, from_=sender)
