"""Watching messages from outside: what the ledger says, and what SES really accepted."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from config.tags import MESSAGE_ID_TAG
from db.engine import connect
from db.messages import MessageStatus, status
from sandbox.waiting import until

if TYPE_CHECKING:
    from sandbox.aws.truth import Send
    from sandbox.installation import Installation


class Watch:
    """Looks at one installation, without touching it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.engine = connect(installation.settings())

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def life(self, message_id: object) -> MessageStatus | None:
        """What the ledger knows of a message."""
        return status(self.engine, uuid.UUID(str(message_id)))

    def reaches(
        self, message_id: object, *states: str, timeout_seconds: float = 30.0
    ) -> MessageStatus:
        """Wait until the message is in one of these states; answers its life then.

        Raises:
            NotInTimeError: it did not get there in time.
        """

        def is_there() -> bool:
            found = self.life(message_id)
            return found is not None and found.state in states

        what = f"message {message_id} is {' or '.join(states)}"
        until(is_there, what, timeout_seconds=timeout_seconds)
        found = self.life(message_id)
        if found is None:
            raise LookupError(f"message {message_id} has gone from the ledger")
        return found

    def accepted(self, message_id: object) -> list[Send]:
        """Every time that SES accepted the message: once, if all is well."""
        return [
            send
            for send in self._installation.control.sends()
            if send.tags.get(MESSAGE_ID_TAG) == str(message_id)
        ]
