"""The newest reading of the SES account, for every process to go by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class AccountReading:
    """What SES says of the account in one region. Rates and quotas count recipients."""

    region: str
    max_send_rate: float
    max_24_hour_send: float
    sent_last_24_hours: float
    sending_enabled: bool
    production_access: bool
    enforcement_status: str


_SAVE = text("""
INSERT INTO ses_accounts (region, max_send_rate, max_24_hour_send, sent_last_24_hours,
    sending_enabled, production_access, enforcement_status, checked_at)
VALUES (:region, :max_send_rate, :max_24_hour_send, :sent_last_24_hours,
    :sending_enabled, :production_access, :enforcement_status, now())
ON CONFLICT (region) DO UPDATE SET max_send_rate = excluded.max_send_rate,
    max_24_hour_send = excluded.max_24_hour_send,
    sent_last_24_hours = excluded.sent_last_24_hours,
    sending_enabled = excluded.sending_enabled,
    production_access = excluded.production_access,
    enforcement_status = excluded.enforcement_status,
    checked_at = excluded.checked_at
""")

_LATEST = text("""
SELECT region, max_send_rate, max_24_hour_send, sent_last_24_hours, sending_enabled,
    production_access, enforcement_status
FROM ses_accounts WHERE region = :region
""")


def save(engine: Engine, reading: AccountReading) -> None:
    """Keep a reading as the newest of its region."""
    with engine.begin() as connection:
        connection.execute(_SAVE, asdict(reading))


def latest(engine: Engine, region: str) -> AccountReading | None:
    """The newest reading, or None when the account was never read."""
    with engine.begin() as connection:
        row = connection.execute(_LATEST, {"region": region}).one_or_none()
    return None if row is None else AccountReading(**row._mapping)  # noqa: SLF001  public in spite of its name
