"""Makes what an installation needs in AWS, and brings in line what is there already.

Queues with dead-letter queues, the topic of SES's events with the events queue subscribed to it,
and configuration sets that publish there. The same code for a real account and for the sandbox.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from ops.provision.account import Account
from ops.provision.configuration_sets import ensure_configuration_set, ensure_event_destination
from ops.provision.plan import environment, plan
from ops.provision.policies import only_topic_sends
from ops.provision.queues import QueueSpec, ensure_queue, specs
from ops.provision.steps import Outcome, Step
from ops.provision.topic import ensure_subscription, ensure_topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings
    from ops.provision.plan import Plan

__all__ = ["Outcome", "Step", "environment", "provision", "steps"]

EVENTS_VISIBILITY_SECONDS = 60


def provision(settings: Settings, *, dry_run: bool = False, tracking: bool = False) -> list[Step]:
    """Make everything what it should be, and tell of each resource what was done.

    Idempotent: a second run changes nothing. With `dry_run` nothing is changed, and the steps say
    what would be. With `tracking`, SES also reports opens and clicks, for which it rewrites links
    and adds an image to every mail.

    Raises:
        ConfigurationError: region or credentials are missing, a name is unfit, or the credentials
            may not do something, with action and resource.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: AWS did not do it.
    """
    return list(steps(settings, dry_run=dry_run, tracking=tracking))


def steps(settings: Settings, *, dry_run: bool = False, tracking: bool = False) -> Iterator[Step]:
    """`provision`, telling of each step as it is done; raises in the same way."""
    planned = plan(settings)
    account = Account(settings, dry_run=dry_run)
    for spec in _queue_specs(settings, planned):
        yield ensure_queue(account, spec)
    step, topic_arn = ensure_topic(account, planned)
    yield step
    yield ensure_subscription(account, planned, topic_arn)
    for name in planned.configuration_sets:
        yield ensure_configuration_set(account, name)
        yield ensure_event_destination(account, name, planned.topic, topic_arn, tracking=tracking)


def _queue_specs(settings: Settings, planned: Plan) -> Iterator[QueueSpec]:
    for queue in planned.stream_queues:
        yield from specs(
            settings, queue, visibility_seconds=settings.visibility_timeout_seconds, policy=None
        )
    yield from specs(
        settings,
        planned.events_queue,
        visibility_seconds=_events_visibility_seconds(settings),
        policy=partial(only_topic_sends, topic=planned.topic),
    )


def _events_visibility_seconds(settings: Settings) -> int:
    """What a dead consumer held comes back soon; what a slow one holds does not."""
    return max(EVENTS_VISIBILITY_SECONDS, ceil(6 * settings.database_statement_timeout_seconds))
