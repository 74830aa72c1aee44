"""Whether a message is SNS's own, of a topic that may speak here, and not too old."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumers.certificates import Certificates
from consumers.errors import Refusal, UnreadableEventError
from consumers.fetching import fetch
from consumers.fields import moment
from consumers.signatures import forged, verify
from consumers.topics import Home, topic_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from config.settings import Settings, SnsVerify
    from consumers.certificates import Certificate
    from consumers.fields import Json
    from consumers.topics import Topic

    # Takes an SNS envelope, or None for a message in none, and when it was put on the queue.
    # Raises UnreadableEventError if it must not be believed.
    Admit = Callable[[Json | None, datetime], None]


def admit_all(_envelope: Json | None, _sent_at: datetime) -> None:
    """Believes everything."""


@dataclass(frozen=True)
class Authenticity:
    """What is asked of the messages of one event queue.

    `topics` is the list of those that may speak; where it is empty, those of the queue's account.
    """

    home: Home
    verifies: SnsVerify
    topics: frozenset[str]
    max_age: timedelta
    certificates: Certificates = field(default_factory=lambda: Certificates(fetch))

    @classmethod
    def of(cls, settings: Settings, *, queue_arn: str, endpoint_url: str) -> Authenticity:
        """As the settings ask of the queue that is reached at this endpoint."""
        return cls(
            Home.of(queue_arn, endpoint_url),
            settings.sns_verify,
            frozenset(settings.sns_topics),
            settings.sns_max_age,
        )

    def admit(self, envelope: Json | None, sent_at: datetime) -> None:
        """Let a message pass, by the certificates that are known already.

        Raises:
            CertificateUnavailableError: its certificate must be fetched first.
            UnreadableEventError: it must not be believed.
        """
        self._admit(envelope, sent_at, self.certificates.kept)

    def admit_fetching(self, envelope: Json | None, sent_at: datetime) -> None:
        """The same, and fetch its certificate.

        Raises:
            CertificateUnavailableError: it cannot be fetched now.
            UnreadableEventError: the message must not be believed.
        """
        self._admit(envelope, sent_at, self.certificates.get)

    def _admit(
        self, envelope: Json | None, sent_at: datetime, certificate: Callable[[str], Certificate]
    ) -> None:
        if envelope is None:
            self._admit_bare()
            return
        if self.verifies != "never":
            topic = self._speaker(envelope)
            if self.verifies == "always" or not self.home.owns(topic):
                self._verify(envelope, topic, sent_at, certificate)
        if self.topics and envelope.get("TopicArn") not in self.topics:
            # Of our own account: rather a topic that was forgotten in the list than a stranger's.
            raise UnreadableEventError(Refusal.WRONG_TOPIC, _UNLISTED)

    def _admit_bare(self) -> None:
        if self.verifies == "always":
            raise UnreadableEventError(
                Refusal.UNSIGNED,
                "It is in no SNS envelope, so nothing proves its origin (raw delivery is on?).",
                may_be_ours=False,
            )

    def _speaker(self, envelope: Json) -> Topic:
        topic = topic_of(str(envelope.get("TopicArn")))
        if topic is None:
            raise forged("It names no topic.")
        if not self._may_speak(topic):
            raise UnreadableEventError(Refusal.WRONG_TOPIC, _UNLISTED, may_be_ours=False)
        return topic

    def _may_speak(self, topic: Topic) -> bool:
        """So also only hosts of regions that we chose are ever asked for a certificate."""
        if topic.arn in self.topics:
            return True
        is_near = self.verifies != "always" or topic.region == self.home.region
        return self.home.owns(topic) and is_near

    def _verify(
        self,
        envelope: Json,
        topic: Topic,
        sent_at: datetime,
        certificate: Callable[[str], Certificate],
    ) -> None:
        url = envelope.get("SigningCertURL", envelope.get("SigningCertUrl"))
        if not isinstance(url, str) or not self._is_certificate_of(topic, url):
            raise forged("Its certificate is not where SNS keeps that of its topic.")
        signer = certificate(url)
        verify(envelope, signer.key)
        published_at = moment(envelope.get("Timestamp"))
        # The certificate may have run out since: a message may have waited for weeks.
        if published_at is None or not signer.valid_from <= published_at <= signer.valid_until:
            raise forged("Its certificate was not valid when it was published.")
        # Both by AWS's clocks.
        if sent_at - published_at > self.max_age:
            raise UnreadableEventError(Refusal.TOO_OLD, _TOO_OLD, may_be_ours=False)

    def _is_certificate_of(self, topic: Topic, url: str) -> bool:
        return topic.has_certificate_at(url) or self.home.has_certificate_at(url)


_UNLISTED = "Its topic may not speak here: see MAILSLUICE_SNS_TOPICS."
_TOO_OLD = "It came to the queue too long after it was published: see MAILSLUICE_SNS_MAX_AGE_DAYS."
