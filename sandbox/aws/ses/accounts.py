"""GetAccount, and the switches of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.errors import bad_request
from sandbox.aws.ses.suppression import REASONS

if TYPE_CHECKING:
    from sandbox.aws.service import Call
    from sandbox.aws.ses.admission import Admission
    from sandbox.aws.ses.settings import SesSettings

Json = dict[str, Any]


class AccountOperations:
    """What the API says and changes about the account itself."""

    def __init__(self, settings: SesSettings, admission: Admission) -> None:
        self._settings = settings
        self._admission = admission

    def get(self, call: Call) -> Json:
        """GetAccount."""
        del call
        settings = self._settings
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": settings.enforcement_status,
            "ProductionAccessEnabled": settings.production_access,
            "SendQuota": {
                "Max24HourSend": settings.max_24_hour_send,
                "MaxSendRate": settings.max_send_rate,
                "SentLast24Hours": self._admission.sent_last_24_hours(),
            },
            "SendingEnabled": self._is_sending(),
            "SuppressionAttributes": {"SuppressedReasons": settings.suppressed_reasons},
        }

    def put_sending(self, call: Call) -> Json:
        """PutAccountSendingAttributes."""
        self._settings.sending_enabled = bool(call.params.get("SendingEnabled", False))
        return {}

    def put_suppression(self, call: Call) -> Json:
        """PutAccountSuppressionAttributes.

        Raises:
            SesError: A reason is unknown.
        """
        reasons = call.params.get("SuppressedReasons") or []
        if not REASONS.issuperset(reasons):
            raise bad_request("SuppressedReasons may hold BOUNCE and COMPLAINT.")
        self._settings.suppressed_reasons = reasons
        return {}

    def _is_sending(self) -> bool:
        settings = self._settings
        is_shut = settings.suspended or settings.enforcement_status == "SHUTDOWN"
        return settings.sending_enabled and not is_shut
