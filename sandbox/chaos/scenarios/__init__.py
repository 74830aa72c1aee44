"""The scenarios, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.chaos.scenarios import (
    answers,
    clocks,
    database,
    killing,
    limits,
    network,
    queues,
    refusals,
    stopping,
)

if TYPE_CHECKING:
    from sandbox.chaos.scenarios.terms import Scenario

# In the order of the report. The first is the longest by far.
SCENARIOS: dict[str, Scenario] = {
    "kill_storm": killing.KILL_STORM,
    "lost_answers": answers.LOST_ANSWERS,
    "redelivery": queues.REDELIVERY,
    "sqs_away": queues.SQS_AWAY,
    "stopped": stopping.STOPPED,
    "database_restarts": database.DATABASE_RESTARTS,
    "database_gone": database.DATABASE_GONE,
    "database_cut": database.DATABASE_CUT,
    "throttled": limits.THROTTLED,
    "rate_halved": limits.RATE_HALVED,
    "quota_used_up": limits.QUOTA_USED_UP,
    "account_paused": refusals.ACCOUNT_PAUSED,
    "account_paused_disguised": refusals.ACCOUNT_PAUSED_DISGUISED,
    "configuration_set_paused": refusals.CONFIGURATION_SET_PAUSED,
    "credentials_refused": refusals.CREDENTIALS_REFUSED,
    "deaf_ses": network.DEAF_SES,
    "deaf_database": network.DEAF_DATABASE,
    "wrong_clocks": clocks.WRONG_CLOCKS,
}
