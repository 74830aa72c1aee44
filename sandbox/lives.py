"""Made-up messages that SES has taken, and the events that tell of them, by the thousand."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import insert

from config.tags import MESSAGE_ID_TAG
from db.models import EmailMessage, EmailRecipient
from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.ses.events import Accepted, Event, outcomes, send_event, text_of
from sandbox.aws.ses.fates import Fate, Fates
from sandbox.aws.ses.mail import Mail
from sandbox.aws.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine
    from types_boto3_sqs import SQSClient

MESSAGES_PER_CALL = 10
ROWS_AT_ONCE = 2000
REGION = "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:mailsluice-events"

# Most mail arrives, and some of it is read.
_FATES = (
    (Fate.DELIVERED, "delivered", ("Open", "Click")),
    (Fate.DELIVERED, "delivered", ()),
    (Fate.DELIVERED, "delivered", ("Open",)),
    (Fate.BOUNCED, "bounced", ()),
    (Fate.DELIVERED, "delivered", ("Open",)),
    (Fate.DELIVERED, "delivered", ()),
    (Fate.COMPLAINED, "complained", ("Open",)),
)


@dataclass(frozen=True)
class Life:
    """One message to one recipient. `state` is where all of its events lead to."""

    message_id: UUID
    address: str
    fate: Fate
    state: str
    engagements: tuple[str, ...]

    @property
    def ses_message_id(self) -> str:
        """As SES would call it."""
        return f"0102{self.message_id.hex[:12]}-{self.message_id}-000000"

    @property
    def kinds(self) -> list[str]:
        """The kinds of its events, as the ledger names them."""
        told = {Fate.BOUNCED: ["bounce"], Fate.COMPLAINED: ["delivery", "complaint"]}
        read = [kind.lower() for kind in self.engagements]
        return ["send", *told.get(self.fate, ["delivery"]), *read]

    def bodies(self) -> Iterator[str]:
        """Its events, each as SNS puts it on a queue."""
        accepted = self._accepted()
        fates = Fates({self.fate: [self.address]})
        told = [event for _step, event in outcomes(accepted, fates, 1.0)]
        read = [_engagement(kind, accepted) for kind in self.engagements]
        for event in [send_event(), *told, *read]:
            yield _in_sns(text_of(event, accepted))

    def _accepted(self) -> Accepted:
        mail = Mail(
            source="Shop <shop@example.com>",
            to=[self.address],
            cc=[],
            bcc=[],
            content_kind="simple",
            headers=[("From", "Shop <shop@example.com>"), ("To", self.address), ("Subject", "Hi")],
            subject="Hi",
            tags={MESSAGE_ID_TAG: str(self.message_id)},
        )
        return Accepted(
            mail, self.ses_message_id, "example.com", REGION, "mailsluice", time.time(), "SendEmail"
        )


def make_lives(count: int) -> list[Life]:
    """So many messages of all fates."""
    fates = itertools.islice(itertools.cycle(_FATES), count)
    ids = [uuid4() for _ in range(count)]
    return [
        Life(each, f"{each.hex}@example.com", *fate) for each, fate in zip(ids, fates, strict=True)
    ]


def record(engine: Engine, lives: Sequence[Life]) -> None:
    """Write them into the ledger, as sent."""
    for start in range(0, len(lives), ROWS_AT_ONCE):
        chunk = lives[start : start + ROWS_AT_ONCE]
        messages = [
            {
                "id": each.message_id,
                "stream": "marketing",
                "state": "sent",
                "ses_message_id": each.ses_message_id,
            }
            for each in chunk
        ]
        recipients = [
            {"message_id": each.message_id, "address": each.address, "state": "sent"}
            for each in chunk
        ]
        with engine.begin() as connection:
            connection.execute(insert(EmailMessage), messages)
            connection.execute(insert(EmailRecipient), recipients)


def put(sqs: SQSClient, queue_url: str, bodies: Iterator[str]) -> int:
    """Put bodies on a queue; answers how many."""
    count = 0
    while group := list(itertools.islice(bodies, MESSAGES_PER_CALL)):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(group)]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]
        count += len(group)
    return count


def kinds_of(lives: Sequence[Life]) -> Counter[str]:
    """How many events of each kind they have in all."""
    return Counter(kind for life in lives for kind in life.kinds)


def _engagement(kind: str, accepted: Accepted) -> Event:
    details = {
        "timestamp": iso(accepted.accepted_at + 60),
        "userAgent": "Mozilla/5.0",
        "ipAddress": "192.0.2.1",
    }
    if kind == "Click":
        details["link"] = "https://shop.example.com/orders"
    return Event(kind, kind.lower(), details)


def _in_sns(message: str) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "TopicArn": TOPIC,
            "Message": message,
            "Timestamp": iso(time.time()),
            "SignatureVersion": "1",
            "Signature": "x" * 344,
            "SigningCertURL": f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeURL": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe",
        }
    )
