"""Deliveries of mail that is not in the ledger: of another system, or of a ledger that was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.batch_sql import BatchStatement, array
from db.states import EventKind, RecipientState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from db.event_types import Event

# In the order of the unique key, so that two batches cannot deadlock.
_KEEP = BatchStatement("""
INSERT INTO email_deliveries AS d (address, mail, delivered_at)
SELECT address, mail, delivered_at
FROM unnest(:addresses::text[], :mails::text[], :delivered_at::timestamptz[])
    AS new (address, mail, delivered_at)
ORDER BY address, mail
ON CONFLICT (address, mail) DO UPDATE SET delivered_at = excluded.delivered_at
WHERE excluded.delivered_at > d.delivered_at
""")


def keep_deliveries(connection: Connection, events: Iterable[Event]) -> None:
    """Remember the deliveries among these events, each recipient of a message once."""
    latest: dict[tuple[str, str], datetime] = {}
    for event in events:
        if event.kind is EventKind.DELIVERY:
            mail = event.ses_message_id or str(event.message_id)
            for address, state in event.recipients.items():
                if state is RecipientState.DELIVERED:
                    key = (address, mail)
                    latest[key] = max(latest.get(key, event.occurred_at), event.occurred_at)
    if latest:
        _KEEP.run(
            connection,
            addresses=array(address for address, _mail in latest),
            mails=array(mail for _address, mail in latest),
            delivered_at=array(latest.values()),
        )
