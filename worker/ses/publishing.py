"""Which configuration sets publish the events that settle unknown outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_sesv2 import SESV2Client

log = structlog.get_logger(__name__)

# Only from these can events reach the queues that are drained.
_HEARD = frozenset({"SnsDestination", "EventBridgeDestination"})


def sets_that_publish(client: SESV2Client, names: Iterable[str | None]) -> frozenset[str]:
    """Those of the configuration sets whose `Send` events are published to a queue.

    Events that go to CloudWatch or Firehose alone reach none, so their silence proves nothing.

    Where SES cannot be asked (the policy may not allow it) a configured set is taken at its
    word, and the log says so.
    """
    return frozenset(name for name in set(names) if name and _publishes(client, name))


def _publishes(client: SESV2Client, name: str) -> bool:
    try:
        answer = client.get_configuration_set_event_destinations(ConfigurationSetName=name)
    except (BotoCoreError, ClientError) as error:
        log.warning("cannot ask SES for its event destinations", error=type(error).__name__)
        return True
    published = any(
        destination.get("Enabled")
        and "SEND" in destination.get("MatchingEventTypes", [])
        and not _HEARD.isdisjoint(destination)
        for destination in answer.get("EventDestinations", [])
    )
    if not published:
        log.warning(
            "no Send events are published, so lost answers are settled by the stream's policy",
            configuration_set=name,
        )
    return published
