"""May this mail be sent now? The account, its identities, its rate and its day decide."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sandbox.aws.ses import errors
from sandbox.aws.ses.addresses import bare, simulated_fate
from sandbox.aws.ses.limits import RateLimit, RollingDay
from sandbox.aws.ses.mail import counts_towards_day

if TYPE_CHECKING:
    from sandbox.aws.ses.configuration_sets import ConfigurationSet, ConfigurationSets
    from sandbox.aws.ses.identities import Identities
    from sandbox.aws.ses.mail import Mail
    from sandbox.aws.ses.settings import SesSettings


class Admission:
    """Refuses what SES refuses for reasons that lie outside the message."""

    def __init__(
        self, settings: SesSettings, identities: Identities, sets: ConfigurationSets
    ) -> None:
        self._settings = settings
        self._identities = identities
        self._sets = sets
        self.rate = RateLimit(time.monotonic)
        self.day = RollingDay(time.monotonic)

    def check_account(self) -> None:
        """Whether the account may send at all.

        Raises:
            SesError: It is suspended or paused.
        """
        settings = self._settings
        if settings.suspended:
            raise errors.account_suspended()
        if not settings.sending_enabled or settings.enforcement_status == "SHUTDOWN":
            raise errors.sending_paused(settings.paused_as)

    def configuration_set(self, name: str | None) -> ConfigurationSet | None:
        """The configuration set that a send names; None if it names none.

        Raises:
            SesError: It does not exist, or is paused.
        """
        if name is None:
            return None
        found = self._sets.get(name)
        if found.is_paused or name in self._settings.paused_configuration_sets:
            raise errors.configuration_set_paused(name)
        return found

    def identity(self, mail: Mail, region: str) -> str:
        """The identity that sends the mail.

        Raises:
            SesError: None covers the sender, or, in the SES sandbox, a recipient.
        """
        sender = bare(mail.source)
        identity = self._identities.covering(sender)
        settings = self._settings
        unverified = [mail.source] if identity is None and settings.strict_identities else []
        if not settings.production_access:
            unverified += [address for address in mail.recipients() if not self._mailable(address)]
        if unverified:
            raise errors.not_verified(unverified, region)
        return identity or sender

    def check_rate(self) -> None:
        """Whether the next send has a token.

        Raises:
            SesError: It has none.
        """
        if not self.rate.has_room(self._settings.max_send_rate):
            raise errors.too_fast()

    def draw(self, recipients: list[str]) -> None:
        """Count a send against the rate and the day.

        Raises:
            SesError: The day has no room; nothing is counted then.
        """
        settings = self._settings
        counted = counts_towards_day(recipients)
        limit = settings.max_24_hour_send
        if counted and 0 <= limit < self.sent_last_24_hours() + counted:
            raise errors.quota_exceeded(settings.quota_as)
        self.rate.draw(len(recipients), settings.max_send_rate)
        self.day.add(counted)

    def sent_last_24_hours(self) -> float:
        return self._settings.sent_last_24_hours + self.day.total()

    def _mailable(self, address: str) -> bool:
        is_simulated = simulated_fate(address) is not None
        return is_simulated or self._identities.covering(address) is not None
