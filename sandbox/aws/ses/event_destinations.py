"""Event destinations of configuration sets: where events go, and which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.errors import SesError, already_exists, bad_request, not_found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.service import Call
    from sandbox.aws.ses.configuration_sets import ConfigurationSet, ConfigurationSets
    from sandbox.aws.sns.service import Sns

Json = dict[str, Any]

SUBJECT = "Amazon SES Email Event Notification"
VALIDATION_TEXT = "Successfully validated SNS topic for Amazon SES event publishing."
EVENT_TYPES = {
    "SEND",
    "REJECT",
    "BOUNCE",
    "COMPLAINT",
    "DELIVERY",
    "OPEN",
    "CLICK",
    "RENDERING_FAILURE",
    "DELIVERY_DELAY",
    "SUBSCRIPTION",
}

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_PER_SET = 10
_KINDS = (
    "SnsDestination",
    "EventBridgeDestination",
    "KinesisFirehoseDestination",
    "CloudWatchDestination",
    "PinpointDestination",
)


def topics_for(configuration_set: ConfigurationSet, event_type: str) -> Iterator[str]:
    """ARNs of the topics that want events such as `RENDERING_FAILURE`."""
    for destination in configuration_set.destinations.values():
        if destination["Enabled"] and event_type in destination["MatchingEventTypes"]:
            topic_arn = destination.get("SnsDestination", {}).get("TopicArn")
            if topic_arn:
                yield topic_arn


class EventDestinations:
    """Their four operations; a topic is told when it is chosen."""

    def __init__(self, sets: ConfigurationSets, sns: Sns) -> None:
        self._sets = sets
        self._sns = sns

    def create(self, call: Call) -> Json:
        """CreateConfigurationSetEventDestination.

        Raises:
            SesError: No such set or topic, too many destinations, or an unfit one.
        """
        owner = self._owner(call)
        name = str(call.params.get("EventDestinationName", ""))
        if not _NAME.fullmatch(name):
            raise bad_request(f"Event destination name <{name}> is not valid.")
        if name in owner.destinations:
            raise already_exists(
                f"An event destination with name <{name}> already exists for configuration set "
                f"<{owner.name}>."
            )
        if len(owner.destinations) >= _MOST_PER_SET:
            raise SesError(
                "LimitExceededException",
                f"A configuration set has at most {_MOST_PER_SET} event destinations.",
            )
        owner.destinations[name] = self._checked(owner, name, call)
        return {}

    def list(self, call: Call) -> Json:
        """GetConfigurationSetEventDestinations.

        Raises:
            SesError: No such set.
        """
        return {"EventDestinations": list(self._owner(call).destinations.values())}

    def update(self, call: Call) -> Json:
        """UpdateConfigurationSetEventDestination.

        Raises:
            SesError: No such set, destination or topic, or an unfit destination.
        """
        owner, name = self._owner(call), self._name(call)
        owner.destinations[name] = self._checked(owner, name, call)
        return {}

    def delete(self, call: Call) -> Json:
        """DeleteConfigurationSetEventDestination.

        Raises:
            SesError: No such set or destination.
        """
        del self._owner(call).destinations[self._name(call)]
        return {}

    def _owner(self, call: Call) -> ConfigurationSet:
        return self._sets.get(call.params["ConfigurationSetName"])

    def _name(self, call: Call) -> str:
        owner, name = self._owner(call), str(call.params["EventDestinationName"])
        if name not in owner.destinations:
            raise not_found(
                f"No event destination found with name <{name}> for configuration set "
                f"<{owner.name}>."
            )
        return name

    def _checked(self, owner: ConfigurationSet, name: str, call: Call) -> Json:
        wanted = call.params.get("EventDestination") or {}
        types = wanted.get("MatchingEventTypes") or []
        if not types or not EVENT_TYPES.issuperset(types):
            raise bad_request(f"MatchingEventTypes takes {', '.join(sorted(EVENT_TYPES))}.")
        kinds = {kind: wanted[kind] for kind in _KINDS if wanted.get(kind)}
        if len(kinds) != 1:
            raise bad_request(f"An event destination has exactly one of {', '.join(_KINDS)}.")
        self._validate_topic(owner, kinds.get("SnsDestination"))
        enabled = bool(wanted.get("Enabled", False))
        return {"Name": name, "Enabled": enabled, "MatchingEventTypes": types, **kinds}

    def _validate_topic(self, owner: ConfigurationSet, destination: Json | None) -> None:
        if destination is None:
            return
        topic_arn = str(destination.get("TopicArn"))
        if not self._sns.publish_for_ses(topic_arn, owner.arn, VALIDATION_TEXT, SUBJECT):
            raise bad_request(
                f"Could not publish to SNS topic <{topic_arn}>: it does not exist, or its policy "
                "does not admit Amazon SES."
            )
