"""Reading the SES account: its rate, its quota, whether it may send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.accounts import AccountReading

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client

UNLIMITED = -1.0


def read_account(client: SESV2Client, region: str) -> AccountReading:
    """Ask SES once (`GetAccount`). Any part of its answer may be missing.

    Without a rate the reading says 0 and is not complete.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: it did not answer.
    """
    answer = client.get_account()
    quota = answer.get("SendQuota", {})
    return AccountReading(
        region=region,
        max_send_rate=float(quota.get("MaxSendRate", 0.0)),
        max_24_hour_send=float(quota.get("Max24HourSend", UNLIMITED)),
        sent_last_24_hours=float(quota.get("SentLast24Hours", 0.0)),
        sending_enabled=bool(answer.get("SendingEnabled", True)),
        production_access=bool(answer.get("ProductionAccessEnabled", False)),
        enforcement_status=str(answer.get("EnforcementStatus", "unknown")),
    )
