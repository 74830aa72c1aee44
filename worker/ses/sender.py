"""One POST to SES, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from config.posting.exchange import TooLateError
from db.ledger import Why
from worker.ses.classify import classify
from worker.ses.outcomes import Outcome, Sent, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.ses.outcomes import Refusal
    from worker.ses.post import PreparedSend, SesPost


class Ready:
    """A request that has only to leave: `send` it or `drop` it, once."""

    def __init__(self, prepared: PreparedSend) -> None:
        self._prepared = prepared

    def send(self, *, not_after: float) -> Outcome | None:
        """POST it, once. Never raises for what SES or the network does.

        None: the moment `not_after` (monotonic clock) had passed, and nothing has left.
        """
        try:
            return _understood(lambda: self._prepared.post(not_after))
        except TooLateError:
            return None

    def drop(self) -> None:
        """It is not to be sent; its connection serves another."""
        self._prepared.drop()


class Sender:
    """Sends through SES's API v2. Thread-safe, as the client is, which makes one POST a call."""

    def __init__(self, client: SesPost) -> None:
        self._client = client

    def close(self) -> None:
        """Let the connections to SES go."""
        self._client.close()

    def prepare(self, request: Mapping[str, Any]) -> Ready | Refusal:
        """Do all of a send but the POST, so that this can be timed. Raises nothing of the SDK."""
        try:
            return Ready(self._client.prepare(**request))
        except (BotoCoreError, ClientError) as error:
            return classify(error)

    def send(self, request: Mapping[str, Any]) -> Outcome:
        """POST the request once. Never raises for what SES or the network does."""
        return _understood(lambda: self._client.send_email(**request))


def _understood(post: Callable[[], dict[str, Any]]) -> Outcome:
    try:
        answer = post()
    except (BotoCoreError, ClientError) as error:
        return classify(error)
    except TooLateError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the request may have left
        return Unknown("answer_lost", Why(type(error).__name__, "The SDK failed during a send."))
    message_id = answer.get("MessageId")
    if not message_id:
        return Unknown("answer_lost", Why("NoMessageId", "SES answered without a message id."))
    return Sent(message_id)
