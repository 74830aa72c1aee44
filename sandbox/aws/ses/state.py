"""Everything the simulated SES keeps between calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.aws.ses.configuration_sets import ConfigurationSets
from sandbox.aws.ses.identities import Identities
from sandbox.aws.ses.settings import EventSettings, SesSettings
from sandbox.aws.ses.suppression import SuppressionList
from sandbox.aws.ses.templates import Templates


@dataclass(slots=True)
class State:
    """Settings and resources of SES."""

    settings: SesSettings = field(default_factory=SesSettings)
    event_settings: EventSettings = field(default_factory=EventSettings)
    identities: Identities = field(default_factory=Identities)
    configuration_sets: ConfigurationSets = field(default_factory=ConfigurationSets)
    templates: Templates = field(default_factory=Templates)
    suppression: SuppressionList = field(init=False)

    def __post_init__(self) -> None:
        self.suppression = SuppressionList(self.settings)
