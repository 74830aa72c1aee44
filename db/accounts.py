"""The newest reading of the SES account, for every process to go by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

# `EnforcementStatus` of GetAccount: AWS has paused the account. PROBATION still sends.
SHUTDOWN = "SHUTDOWN"


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

    @property
    def is_complete(self) -> bool:
        """Whether SES gave a rate: without one the rest of the quota is no figure either."""
        return self.max_send_rate > 0

    @property
    def is_paused(self) -> bool:
        """Whether SES takes no mail at all from this account and region."""
        return not self.sending_enabled or self.enforcement_status == SHUTDOWN

    @property
    def is_quota_used_up(self) -> bool:
        """Whether the rolling 24 hours have no room left; a negative quota is no limit."""
        return 0 <= self.max_24_hour_send <= self.sent_last_24_hours


_SAVE = text("""
INSERT INTO ses_accounts (region, max_send_rate, max_24_hour_send, sent_last_24_hours,
    sending_enabled, production_access, enforcement_status, checked_at)
VALUES (:region, :max_send_rate, :max_24_hour_send, :sent_last_24_hours,
    :sending_enabled, :production_access, :enforcement_status,
    now() - make_interval(secs => :took_seconds))
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


def save(engine: Engine, reading: AccountReading, *, took_seconds: float = 0.0) -> bool:
    """Keep a reading as the newest of its region; it dates from when SES was asked.

    An incomplete one is not kept, and False: the rate that was read last is nearer the truth than
    none, which would stop all sending.
    """
    if not reading.is_complete:
        return False
    with engine.begin() as connection:
        connection.execute(_SAVE, {**asdict(reading), "took_seconds": took_seconds})
    return True


def latest(engine: Engine, region: str) -> AccountReading | None:
    """The newest reading, or None when the account was never read."""
    with engine.begin() as connection:
        row = connection.execute(_LATEST, {"region": region}).one_or_none()
    return None if row is None else AccountReading(**row._mapping)  # noqa: SLF001  public in spite of its name
