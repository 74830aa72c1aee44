"""One POST to SES, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from db.ledger import Why
from worker.ses.classify import classify
from worker.ses.outcomes import Outcome, Sent, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.ses.post import SesPost


class Sender:
    """Sends through SES's API v2. Thread-safe, as the client is, which makes one POST a call."""

    def __init__(self, client: SesPost) -> None:
        self._client = client

    def close(self) -> None:
        """Let the connections to SES go."""
        self._client.close()

    def send(self, request: Mapping[str, Any]) -> Outcome:
        """POST the request once. Never raises for what SES or the network does."""
        try:
            answer = self._client.send_email(**request)
        except (BotoCoreError, ClientError) as error:
            return classify(error)
        except Exception as error:  # noqa: BLE001  whatever it is, the request may have left
            return Unknown(
                "answer_lost", Why(type(error).__name__, "The SDK failed during a send.")
            )
        message_id = answer.get("MessageId")
        if not message_id:
            return Unknown("answer_lost", Why("NoMessageId", "SES answered without a message id."))
        return Sent(message_id)
