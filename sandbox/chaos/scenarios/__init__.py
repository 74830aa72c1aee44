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
    "kill_storm": killing.kill_storm,
    "lost_answers": answers.lost_answers,
    "redelivery": queues.redelivery,
    "sqs_away": queues.sqs_away,
    "stopped": stopping.stopped,
    "database_restarts": database.database_restarts,
    "database_gone": database.database_gone,
    "database_cut": database.database_cut,
    "throttled": limits.throttled,
    "rate_halved": limits.rate_halved,
    "quota_used_up": limits.quota_used_up,
    "account_paused": refusals.account_paused,
    "account_paused_disguised": refusals.account_paused_disguised,
    "configuration_set_paused": refusals.configuration_set_paused,
    "credentials_refused": refusals.credentials_refused,
    "deaf_ses": network.deaf_ses,
    "deaf_database": network.deaf_database,
    "wrong_clocks": clocks.wrong_clocks,
}
