"""One POST to SES, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from db.ledger import Why
from worker.ses.classify import classify
from worker.ses.outcomes import Outcome, Sent, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sesv2 import SESV2Client


class Sender:
    """Sends through SES's API v2. Thread-safe, as boto3's clients are."""

    def __init__(self, client: SESV2Client) -> None:
        """`client` must make exactly one POST a call: `config.aws.ses_sender` does."""
        self._client = client

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
