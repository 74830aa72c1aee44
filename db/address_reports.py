"""All that is on record about one address, as of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db import soft_bounces, suppression_changes
from db.address_naming import known_name
from db.feedback_reports import bounces_to, complaints_of
from db.patience import snapshot
from db.suppressions import find_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Engine

    from db.feedback_reports import BounceRow, ComplaintRow
    from db.soft_bounces import SoftBounce
    from db.suppression_changes import Change
    from db.suppressions import Suppression


@dataclass(frozen=True)
class MailRow:
    """One message to the address: where the message is, and what became of it for the address."""

    id: UUID
    stream: str
    message_state: str
    state: str
    first_seen_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True)
class AddressRecord:
    """What the tables hold about one address at the moment `now` of the database.

    `counts` is how many messages there are in each of the recipient's states; of messages, bounces
    and complaints only the latest are named.
    """

    now: datetime
    counts: Mapping[str, int]
    messages: Sequence[MailRow]
    bounces: Sequence[BounceRow]
    complaints: Sequence[ComplaintRow]
    entries: Sequence[Suppression]
    changes: Sequence[Change]
    soft_bounces: Sequence[SoftBounce]

    @property
    def is_empty(self) -> bool:
        """Whether nobody has ever heard of the address."""
        told = (self.counts, self.bounces, self.complaints, self.entries, self.changes)
        return not any(told)

    def in_force(self, entry: Suppression) -> bool:
        """Whether an entry suppresses, by the clock of the database."""
        return entry.expires_at is None or entry.expires_at > self.now


_COUNTS = text("SELECT state, count(*) FROM email_recipients WHERE address = :address GROUP BY 1")

_MESSAGES = text("""
SELECT m.id, m.stream, m.state AS message_state, r.state, m.created_at AS first_seen_at,
    m.sent_at, r.delivered_at
FROM email_recipients AS r JOIN email_messages AS m ON m.id = r.message_id
WHERE r.address = :address ORDER BY m.created_at DESC, m.id LIMIT :most
""")


def about(engine: Engine, address: str, *, most: int) -> AddressRecord:
    """All about an address; of messages, bounces and complaints the latest `most` of each."""
    with snapshot(engine) as connection:
        name = known_name(connection, address)
        terms = {"address": name, "most": most}
        counts = connection.execute(_COUNTS, {"address": name})
        messages = connection.execute(_MESSAGES, terms).mappings()
        return AddressRecord(
            now=connection.execute(text("SELECT now()")).scalar_one(),
            counts={row[0]: row[1] for row in counts},
            messages=[MailRow(**row) for row in messages],
            bounces=bounces_to(connection, address, most=most),
            complaints=complaints_of(connection, address, most=most),
            entries=find_in(connection, address),
            changes=suppression_changes.history_in(connection, address),
            soft_bounces=soft_bounces.counting(connection, [name])[name],
        )
