"""What all events of SES have in common: the mail they are about, their time, their details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from config.streams import STREAM_NAME
from config.tags import MESSAGE_ID_TAG, STREAM_TAG
from consumers import identities
from consumers.fields import Json, identifier, member, moment, several, text
from consumers.recipients import read_addresses
from db.event_types import Bounce, Complaint, Event

if TYPE_CHECKING:
    from datetime import datetime

    from db.states import EventKind, RecipientState
    from db.suppressions import Suppression

# Ample for a wrong time zone. What is stamped later would outlast all that happens after it.
CLOCKS_DIFFER_BY = timedelta(days=1)


@dataclass(frozen=True)
class Mail:
    """The `mail` object of an event. `message_id` and `stream` are ours, from the tags."""

    ses_message_id: str | None
    message_id: UUID | None
    stream: str | None
    destinations: list[str]
    timestamp: object
    sent_at: datetime | None


@dataclass(frozen=True)
class Report:
    """One event as SES wrote it; `details` is the object of its kind."""

    kind: EventKind
    raw: Json
    details: Json
    mail: Mail
    occurred_at: datetime
    raw_text: str | None = None

    def entries(self, key: str) -> list[Json]:
        """The recipient objects under a key of the details; a bare address counts as one."""
        return [
            each if isinstance(each, Mapping) else {"emailAddress": each}
            for each in several(self.details.get(key))
        ]

    def engaged(self) -> Json:
        """What tells apart the events of one kind that a reader may cause at any time."""
        return {"message": self.mail.ses_message_id, "details": self.details}

    def step_identity(self, addresses: Sequence[str]) -> str:
        """Identity of an event without a feedback id."""
        if self.mail.ses_message_id is None:
            return identities.of_content(self.kind, self.raw)
        written = _settled(self.details.get("timestamp")) or _settled(self.mail.timestamp)
        return identities.of_step(self.kind, self.mail.ses_message_id, written or "", addresses)

    def event(
        self,
        *,
        identity: str,
        kind: EventKind | None = None,
        recipients: Mapping[str, RecipientState] | None = None,
        bounces: Sequence[Bounce] = (),
        complaints: Sequence[Complaint] = (),
        suppressions: Sequence[Suppression] = (),
    ) -> Event:
        """The event, with what its kind adds to the common parts."""
        return Event(
            identity=identity,
            kind=kind or self.kind,
            occurred_at=self.occurred_at,
            raw=self.raw,
            raw_text=self.raw_text,
            ses_message_id=self.mail.ses_message_id,
            message_id=self.mail.message_id,
            stream=self.mail.stream,
            recipients=recipients or {},
            bounces=bounces,
            complaints=complaints,
            suppressions=suppressions,
        )


def read_mail(body: Json) -> Mail:
    """The `mail` object; what is missing in it is None or empty."""
    mail = member(body, "mail")
    return Mail(
        ses_message_id=identifier(mail.get("messageId")),
        message_id=_own_id(member(mail, "tags")),
        stream=_stream(member(mail, "tags")),
        destinations=read_addresses(mail.get("destination")),
        timestamp=mail.get("timestamp"),
        sent_at=moment(mail.get("timestamp")),
    )


def when(
    details: Json, mail: Mail, published_at: datetime | None, received_at: datetime
) -> datetime:
    """When it happened. An event without a time of its own happened when the mail was sent.

    `received_at` stands in where no time can be believed.
    """
    own_time = details.get("timestamp")
    if own_time is None:
        return believed(received_at, mail.sent_at, published_at)
    return believed(received_at, moment(own_time), published_at, mail.sent_at)


def believed(received_at: datetime, *told: datetime | None) -> datetime:
    """The first of the times that is there, and that is not to come: else `received_at`."""
    latest = received_at + CLOCKS_DIFFER_BY
    return next((each for each in told if each is not None and each <= latest), received_at)


def _settled(value: object) -> str | None:
    """A time in one spelling, or as it stands when it cannot be read."""
    found = moment(value)
    return found.isoformat() if found else text(value)


def _own_id(tags: Json) -> UUID | None:
    for value in several(tags.get(MESSAGE_ID_TAG)):
        try:
            return UUID(text(value) or "")
        except ValueError:
            continue
    return None


def _stream(tags: Json) -> str | None:
    written = (text(value) or "" for value in several(tags.get(STREAM_TAG)))
    return next((name for name in written if STREAM_NAME.fullmatch(name)), None)
