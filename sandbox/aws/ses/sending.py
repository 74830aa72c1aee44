"""SendEmail and SendBulkEmail: from the call to an accepted message and its events."""

from __future__ import annotations

import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses import composing, events
from sandbox.aws.ses.event_destinations import SUBJECT, topics_for
from sandbox.aws.ses.events import Accepted, Event
from sandbox.aws.ses.fates import fates_of
from sandbox.aws.truth import Send

if TYPE_CHECKING:
    from sandbox.aws.service import Call
    from sandbox.aws.ses.admission import Admission
    from sandbox.aws.ses.configuration_sets import ConfigurationSet
    from sandbox.aws.ses.mail import Mail
    from sandbox.aws.ses.publisher import Publisher
    from sandbox.aws.ses.state import State
    from sandbox.aws.sns.service import Sns
    from sandbox.aws.truth import Truth

Json = dict[str, Any]


class Sending:
    """Accepts mail, writes it into the truth, and lets its events follow."""

    def __init__(
        self, state: State, admission: Admission, publisher: Publisher, sns: Sns, truth: Truth
    ) -> None:
        self._state = state
        self._admission = admission
        self._publisher = publisher
        self._sns = sns
        self._truth = truth

    def send_email(self, call: Call) -> Json:
        """SendEmail.

        Raises:
            SesError: SES refuses the message, or cannot take it now.
        """
        self._admission.check_account()
        mail = composing.from_call(call.params, self._state.templates)
        self._admission.check_rate()
        return {"MessageId": self.accept(mail, call)}

    def accept(self, mail: Mail, call: Call) -> str:
        """Take one mail, the rate apart; returns its message id.

        Raises:
            SesError: SES refuses the mail, or the day is full.
        """
        recipients = mail.recipients()
        identity = self._admission.identity(mail, call.request.region)
        name = mail.configuration_set or self._state.identities.default_configuration_set(identity)
        configuration_set = self._admission.configuration_set(name)
        self._admission.draw(recipients)
        message_id = _new_message_id()
        self._truth.record(
            Send(
                ses_message_id=message_id,
                source=mail.source,
                to=mail.to,
                cc=mail.cc,
                bcc=mail.bcc,
                tags=mail.tags,
                configuration_set=name,
                content_kind=mail.content_kind,
                action=call.action,
                recipients=len(recipients),
            )
        )
        if configuration_set is not None:
            accepted = Accepted(
                mail,
                message_id,
                identity,
                call.request.region,
                configuration_set.name,
                time.time(),
                call.action,
            )
            self._follow_up(accepted, configuration_set)
        return message_id

    def _follow_up(self, accepted: Accepted, owner: ConfigurationSet) -> None:
        if accepted.mail.failure is not None:
            failure = events.rendering_failure(*accepted.mail.failure)
            self._publisher.later(1, partial(self._publish, failure, accepted, owner))
            return
        self._publisher.later(1, partial(self._publish, events.send_event(), accepted, owner))
        if accepted.mail.has_virus:
            self._publisher.later(2, partial(self._publish, events.reject(), accepted, owner))
            return
        fates = fates_of(accepted.mail, partial(self._listed_reason, owner))
        step_seconds = self._state.event_settings.delay_seconds
        for step, event in events.outcomes(accepted, fates, step_seconds):
            self._publisher.later(step, partial(self._publish, event, accepted, owner))

    def _publish(self, event: Event, accepted: Accepted, owner: ConfigurationSet) -> None:
        topics = list(topics_for(owner, event.api_type))
        if topics:
            text = events.text_of(event, accepted)
            for topic_arn in topics:
                self._sns.publish_for_ses(topic_arn, owner.arn, text, SUBJECT)

    def _listed_reason(self, owner: ConfigurationSet, address: str) -> str | None:
        reason = self._state.suppression.reason(address)
        applied = owner.suppressed_reasons
        if applied is None:
            applied = self._state.settings.suppressed_reasons
        return reason if reason in applied else None


def _new_message_id() -> str:
    """An id of SES's shape: sixteen hex digits, a UUID and a counter."""
    return f"0102{int(time.time() * 1000):012x}-{uuid.uuid4()}-000000"
