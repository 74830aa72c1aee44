"""SendBulkEmail: one template, many destinations, one result for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.ses import checks, composing
from sandbox.aws.ses.errors import SesError, bad_request

if TYPE_CHECKING:
    from sandbox.aws.service import Call
    from sandbox.aws.ses.admission import Admission
    from sandbox.aws.ses.sending import Sending
    from sandbox.aws.ses.state import State

Json = dict[str, Any]

_MAX_ENTRIES = 50
# By error code, then by what the text says where one code stands for several states.
_STATUSES = (
    ("AccountSuspendedException", "", "ACCOUNT_SUSPENDED"),
    ("SendingPausedException", "configuration set", "CONFIGURATION_SET_SENDING_PAUSED"),
    ("SendingPausedException", "", "ACCOUNT_SENDING_PAUSED"),
    ("MessageRejected", "", "MESSAGE_REJECTED"),
    ("NotFoundException", "Configuration set", "CONFIGURATION_SET_NOT_FOUND"),
    ("NotFoundException", "Template", "TEMPLATE_NOT_FOUND"),
    ("TooManyRequestsException", "Maximum sending rate", "ACCOUNT_THROTTLED"),
    ("TooManyRequestsException", "Daily message quota", "ACCOUNT_DAILY_QUOTA_EXCEEDED"),
    ("LimitExceededException", "", "ACCOUNT_DAILY_QUOTA_EXCEEDED"),
    ("BadRequestException", "", "INVALID_PARAMETER"),
)


class BulkSending:
    """Sends the entries of a bulk call one by one; a refused entry does not hinder the others."""

    def __init__(self, state: State, admission: Admission, sending: Sending) -> None:
        self._state = state
        self._admission = admission
        self._sending = sending

    def send_bulk_email(self, call: Call) -> Json:
        """SendBulkEmail.

        Raises:
            SesError: The call as a whole is malformed.
        """
        params = call.params
        entries = params.get("BulkEmailEntries") or []
        if not (params.get("DefaultContent") or {}).get("Template"):
            raise bad_request("DefaultContent needs a template.")
        if not 1 <= len(entries) <= _MAX_ENTRIES:
            raise bad_request(f"A bulk call has 1 to {_MAX_ENTRIES} entries.")
        checks.tags(params.get("DefaultEmailTags"))
        whole = self._throttled() if not self._state.settings.bulk_rate_by_entry else None
        return {"BulkEmailEntryResults": [self._result(call, entry, whole) for entry in entries]}

    def _throttled(self) -> SesError | None:
        try:
            self._admission.check_rate()
        except SesError as error:
            return error
        return None

    def _result(self, call: Call, entry: Json, refusal: SesError | None) -> Json:
        try:
            self._admission.check_account()
            mail = composing.for_bulk_entry(call.params, entry, self._state.templates)
            if refusal is not None:
                raise refusal
            if self._state.settings.bulk_rate_by_entry:
                self._admission.check_rate()
            return {"Status": "SUCCESS", "MessageId": self._sending.accept(mail, call)}
        except SesError as error:
            return {"Status": status_of(error), "Error": error.message}


def status_of(error: SesError) -> str:
    """The entry status that stands for an error of a single send."""
    for code, text, status in _STATUSES:
        if error.code == code and text in error.message:
            return status
    return "FAILED"
