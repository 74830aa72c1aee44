"""Configuration sets, and the event destination by which each publishes to the topic.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EventDestinationDefinition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from ops.provision.account import touching
from ops.provision.steps import Step, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_sesv2.literals import EventTypeType
    from types_boto3_sesv2.type_defs import (
        EventDestinationDefinitionTypeDef,
        EventDestinationTypeDef,
    )

    from ops.provision.account import Account

FATE: list[EventTypeType] = [
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
]

# To ask for these makes SES rewrite the links of every mail and add an image to it. See
# https://docs.aws.amazon.com/ses/latest/dg/configure-custom-open-click-domains.html
TRACKING: list[EventTypeType] = ["OPEN", "CLICK"]

# SES publishes a test to the topic, whose new policy may take a moment to be in force.
SETTLING_SECONDS = 15


def ensure_configuration_set(account: Account, name: str) -> Step:
    """Make sure that there is such a configuration set. One that exists is left as it is.

    Raises:
        ConfigurationError: the credentials may not.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SES did not do it.
    """
    notes: tuple[str, ...] = ()
    with touching("ses", f"configuration set {name}"):
        try:
            found = account.ses.get_configuration_set(ConfigurationSetName=name)
        except account.ses.exceptions.NotFoundException:
            existed = False
            if not account.dry_run:
                account.ses.create_configuration_set(ConfigurationSetName=name)
        else:
            existed = True
            if not found.get("SendingOptions", {}).get("SendingEnabled", True):
                notes = ("sending is paused here, which is left as it is",)
    return Step("configuration set", name, outcome_of(existed=existed, changes=()), notes)


def ensure_event_destination(
    account: Account, set_name: str, name: str, topic_arn: str | None, *, tracking: bool
) -> Step:
    """Let the configuration set publish its events to the topic.

    Raises:
        ConfigurationError: the credentials may not.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SES did not do it.
    """
    with touching("ses", f"configuration set {set_name}"):
        found = _existing(account, set_name, name)
        kinds = sorted({*FATE, *(TRACKING if tracking else ()), *_kinds(found)})
        changes = _changes(found, kinds, topic_arn) if found else ()
        if topic_arn and not account.dry_run and (changes or not found):
            wanted: EventDestinationDefinitionTypeDef = {
                "Enabled": True,
                "MatchingEventTypes": kinds,
                "SnsDestination": {"TopicArn": topic_arn},
            }
            _put(account, set_name, name, wanted, is_new=found is None)
    outcome = outcome_of(existed=found is not None, changes=changes)
    return Step("event destination", f"{set_name}/{name}", outcome, changes)


def _existing(account: Account, set_name: str, name: str) -> EventDestinationTypeDef | None:
    try:
        found = account.ses.get_configuration_set_event_destinations(ConfigurationSetName=set_name)
    except account.ses.exceptions.NotFoundException:
        return None
    return next((each for each in found.get("EventDestinations", ()) if each["Name"] == name), None)


def _kinds(found: EventDestinationTypeDef | None) -> Sequence[EventTypeType]:
    """What is asked for already stays: to track opens is the operator's choice."""
    return found["MatchingEventTypes"] if found else ()


def _changes(
    found: EventDestinationTypeDef, kinds: Sequence[EventTypeType], topic_arn: str | None
) -> tuple[str, ...]:
    changes = []
    if not found.get("Enabled"):
        changes.append("Enabled: false -> true")
    missing = sorted(set(kinds) - set(found["MatchingEventTypes"]))
    if missing:
        changes.append(f"MatchingEventTypes: added {', '.join(missing)}")
    if topic_arn is None or found.get("SnsDestination", {}).get("TopicArn") != topic_arn:
        changes.append("SnsDestination: replaced")
    return tuple(changes)


def _put(
    account: Account,
    set_name: str,
    name: str,
    wanted: EventDestinationDefinitionTypeDef,
    *,
    is_new: bool,
) -> None:
    ses = account.ses
    put = (
        ses.create_configuration_set_event_destination
        if is_new
        else ses.update_configuration_set_event_destination
    )
    tries = Retrying(
        retry=retry_if_exception_type(
            (ses.exceptions.BadRequestException, ses.exceptions.NotFoundException)
        ),
        stop=stop_after_delay(SETTLING_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )
    tries(put, ConfigurationSetName=set_name, EventDestinationName=name, EventDestination=wanted)
