"""What the tests of SES's own suppression list share: both lists, and whom they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from config.suppression import SuppressionPolicy
from db.suppressions import Suppression, add, find
from worker.scheduler.suppression_sync import SyncRules

if TYPE_CHECKING:
    from sqlalchemy import Engine


REGION = "eu-west-1"
ADA = "ada@example.com"
BOB = "bob@example.com"
EVE = "eve@example.com"
LISTS = "ListSuppressedDestinations"
RULES = SyncRules(region=REGION, policy=SuppressionPolicy())


def listed(ses: Any) -> dict[str, str]:
    answer = ses.list_suppressed_destinations()
    return {
        entry["EmailAddress"]: entry["Reason"] for entry in answer["SuppressedDestinationSummaries"]
    }


def put(ses: Any, *addresses: str, reason: str = "BOUNCE") -> None:
    for address in addresses:
        ses.put_suppressed_destination(EmailAddress=address, Reason=reason)


def entry(address: str = ADA, reason: str = "bounce", **parts: Any) -> Suppression:
    return Suppression(**{"address": address, "reason": reason, "source": "event", **parts})


def add_long_ago(engine: Engine, *entries: Suppression) -> None:
    """What came just now SES may be about to list by itself."""
    add(engine, entries)
    age_entries(engine)


def age_entries(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_suppressions SET created_at = created_at - interval '1 hour'")
        )


def here(engine: Engine, address: str) -> dict[str, str]:
    return {each.scope: each.reason for each in find(engine, address)}


def states(engine: Engine) -> dict[str, str]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT spelling, state FROM ses_suppressions"))
        return {row.spelling: row.state for row in rows}
