"""The day's quota: what of the rolling 24 hours is used at this moment, and when it frees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.gates import ACCOUNT_PAUSED, QUOTA, SENDING_PAUSED

if TYPE_CHECKING:
    from sqlalchemy import Engine

# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html: mail to the mailbox
# simulator does not count.
_SIMULATOR = "%@simulator.amazonses.com"

# An estimate reads so many messages at most, from 24 hours ago on.
ESTIMATE_FROM_MESSAGES = 50_000
# If the ledger knows less than this part of what SES counts, others use the account too.
OWN_PART = 0.9


@dataclass(frozen=True)
class Usage:
    """All in recipients. `said` is SES's own figure, `since` what we sent after it was read.

    What is in the hands of workers, and what SES may have taken, counts as sent.
    """

    quota: float
    said: float
    since: int
    max_send_rate: float
    read_seconds_ago: float

    @property
    def is_unlimited(self) -> bool:
        """Whether the account has no quota."""
        return self.quota < 0

    @property
    def used(self) -> float:
        """What counts against the quota."""
        return self.said + self.since

    @property
    def left(self) -> float | None:
        """What may still be sent; None for no limit."""
        return None if self.is_unlimited else max(0.0, self.quota - self.used)


# Ranges of three indexes: its cost is that of what was sent since the reading, however long the
# history is.
_USAGE = text("""
WITH account AS (SELECT * FROM ses_accounts WHERE region = :region),
counted AS (
    SELECT id FROM email_messages WHERE sent_at >= (SELECT checked_at FROM account)
    UNION
    SELECT id FROM email_messages WHERE state = 'sending'
    UNION
    SELECT id FROM email_messages
    WHERE state IN ('queued', 'parked', 'sending', 'unknown', 'held') AND state = 'unknown'
        AND updated_at >= (SELECT checked_at FROM account)
)
SELECT max_24_hour_send AS quota, sent_last_24_hours AS said, max_send_rate,
    EXTRACT(epoch FROM now() - checked_at)::float AS read_seconds_ago,
    (SELECT count(*) FROM counted JOIN email_recipients AS r ON r.message_id = counted.id
        WHERE r.state <> 'suppressed' AND r.address NOT LIKE :simulator) AS since
FROM account
""")

_FREED_AFTER = text("""
WITH oldest AS MATERIALIZED (
    SELECT id, sent_at FROM email_messages
    WHERE sent_at > now() - interval '24 hours' ORDER BY sent_at LIMIT :most
), counted AS (
    SELECT oldest.sent_at, count(*) AS recipients
    FROM oldest JOIN email_recipients AS r ON r.message_id = oldest.id
    WHERE r.state <> 'suppressed' AND r.address NOT LIKE :simulator
    GROUP BY oldest.sent_at
), freed AS (
    SELECT sent_at, sum(recipients) OVER (ORDER BY sent_at) AS recipients FROM counted
)
SELECT EXTRACT(epoch FROM
        (SELECT min(sent_at) FROM freed WHERE recipients >= :recipients)
        + interval '24 hours' - now())::float AS seconds,
    (SELECT count(*) FROM oldest) AS messages,
    (SELECT max(recipients) FROM freed) AS recipients
""")

_WANTS_READING = text("""
SELECT EXISTS (
    SELECT FROM gates JOIN ses_accounts AS a ON a.region = :region
    WHERE message_id IS NOT NULL AND reason IN (:paused, :quota, :either)
        AND shut_at > a.checked_at
)
""")


def usage(engine: Engine, region: str) -> Usage | None:
    """The quota and what is used of it now; None if the account was never read."""
    with engine.begin() as connection:
        terms = {"region": region, "simulator": _SIMULATOR}
        row = connection.execute(_USAGE, terms).one_or_none()
    return None if row is None else Usage(**row._mapping)  # noqa: SLF001  public in spite of its name


def freed_in_seconds(engine: Engine, recipients: float, *, said: float) -> float | None:
    """When so many recipients will have left the rolling 24 hours, by our own ledger.

    None: it cannot be told, because they are too many, or because others send from the account:
    SES then counts far more (`said`) than the ledger knows.
    """
    terms = {
        "recipients": recipients,
        "simulator": _SIMULATOR,
        "most": ESTIMATE_FROM_MESSAGES,
    }
    with engine.begin() as connection:
        row = connection.execute(_FREED_AFTER, terms).one()
    is_whole_day = row.messages < ESTIMATE_FROM_MESSAGES
    if is_whole_day and (row.recipients or 0) < OWN_PART * said:
        return None
    return None if row.seconds is None else float(row.seconds)


def wants_reading(engine: Engine, region: str) -> bool:
    """Whether SES has refused a send for what its account data tells more of, since it was read."""
    terms = {
        "region": region,
        "paused": ACCOUNT_PAUSED,
        "quota": QUOTA,
        "either": SENDING_PAUSED,
    }
    with engine.begin() as connection:
        return bool(connection.scalar(_WANTS_READING, terms))
