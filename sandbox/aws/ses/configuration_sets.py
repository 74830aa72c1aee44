"""Configuration sets and their options."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.http import ACCOUNT_ID
from sandbox.aws.ses.errors import already_exists, bad_request, configuration_set_missing
from sandbox.aws.ses.paging import page
from sandbox.aws.ses.suppression import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.service import Call

Json = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DELIVERY_SECONDS = range(300, 50_401)
_OPTION_GROUPS = (
    "TrackingOptions",
    "DeliveryOptions",
    "ReputationOptions",
    "SendingOptions",
    "SuppressionOptions",
    "VdmOptions",
    "ArchivingOptions",
    "Tags",
)


@dataclass(slots=True)
class ConfigurationSet:
    """One configuration set.

    Attributes:
        options: Option groups as the API names them, such as `SendingOptions`.
        destinations: Event destinations by name, each as the API describes it.
    """

    name: str
    arn: str
    options: Json = field(default_factory=dict)
    destinations: dict[str, Json] = field(default_factory=dict)

    @property
    def is_paused(self) -> bool:
        return self.options.get("SendingOptions", {}).get("SendingEnabled") is False

    @property
    def suppressed_reasons(self) -> list[str] | None:
        """The set's own choice of reasons to suppress for; None to follow the account's."""
        reasons: list[str] | None = self.options.get("SuppressionOptions", {}).get(
            "SuppressedReasons"
        )
        return reasons


class ConfigurationSets:
    """All configuration sets by name."""

    def __init__(self) -> None:
        self._sets: dict[str, ConfigurationSet] = {}

    def get(self, name: object) -> ConfigurationSet:
        """The set of this name.

        Raises:
            SesError: There is none.
        """
        found = self._sets.get(str(name))
        if found is None:
            raise configuration_set_missing(str(name))
        return found

    def create(self, call: Call) -> Json:
        """CreateConfigurationSet.

        Raises:
            SesError: It exists, or its name or an option is unfit.
        """
        name = str(call.params.get("ConfigurationSetName", ""))
        if not _NAME.fullmatch(name):
            raise bad_request(f"Configuration set name <{name}> is not valid.")
        if name in self._sets:
            raise already_exists(f"Configuration set <{name}> already exists.")
        options = {group: call.params[group] for group in _OPTION_GROUPS if call.params.get(group)}
        for group, check in _CHECKS.items():
            check(options.get(group, {}))
        arn = f"arn:aws:ses:{call.request.region}:{ACCOUNT_ID}:configuration-set/{name}"
        self._sets[name] = ConfigurationSet(name, arn, options)
        return {}

    def describe(self, call: Call) -> Json:
        """GetConfigurationSet.

        Raises:
            SesError: There is none.
        """
        found = self.get(call.params["ConfigurationSetName"])
        defaults = {
            "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
            "ReputationOptions": {"ReputationMetricsEnabled": False},
            "SendingOptions": {"SendingEnabled": True},
            "Tags": [],
        }
        return {"ConfigurationSetName": found.name, **defaults, **found.options}

    def list(self, call: Call) -> Json:
        """ListConfigurationSets.

        Raises:
            SesError: The page size or token is unfit.
        """
        return page("ConfigurationSets", {name: name for name in self._sets}, call.params)

    def delete(self, call: Call) -> Json:
        """DeleteConfigurationSet.

        Raises:
            SesError: There is none.
        """
        del self._sets[self.get(call.params["ConfigurationSetName"]).name]
        return {}

    def put_options(self, group: str) -> Callable[[Call], Json]:
        """The operation that sets one group of options, such as `SendingOptions`."""

        def put(call: Call) -> Json:
            found = self.get(call.params["ConfigurationSetName"])
            options = {
                name: value for name, value in call.params.items() if name != "ConfigurationSetName"
            }
            _CHECKS.get(group, _unchecked)(options)
            found.options[group] = options
            return {}

        return put


def _unchecked(options: Json) -> None:
    del options


def _check_suppression(options: Json) -> None:
    if not REASONS.issuperset(options.get("SuppressedReasons") or ()):
        raise bad_request("SuppressedReasons may hold BOUNCE and COMPLAINT.")


def _check_delivery(options: Json) -> None:
    if options.get("TlsPolicy", "OPTIONAL") not in {"REQUIRE", "OPTIONAL"}:
        raise bad_request("TlsPolicy must be REQUIRE or OPTIONAL.")
    seconds = options.get("MaxDeliverySeconds")
    if seconds is not None and seconds not in _DELIVERY_SECONDS:
        raise bad_request("MaxDeliverySeconds must be between 300 and 50400.")


_CHECKS: dict[str, Callable[[Json], None]] = {
    "SuppressionOptions": _check_suppression,
    "DeliveryOptions": _check_delivery,
}
