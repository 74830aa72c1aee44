"""The account's suppression list."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.addresses import bare
from sandbox.aws.ses.errors import bad_request, not_found, too_many_calls
from sandbox.aws.ses.limits import RateLimit
from sandbox.aws.ses.paging import page

if TYPE_CHECKING:
    from sandbox.aws.service import Call
    from sandbox.aws.ses.settings import SesSettings

Json = dict[str, Any]

REASONS = {"BOUNCE", "COMPLAINT"}

_PAGE = 1000


class SuppressionList:
    """Addresses not to be mailed, without regard to case."""

    def __init__(self, settings: SesSettings) -> None:
        self._settings = settings
        self._limit = RateLimit(time.monotonic)
        self._entries: dict[str, Json] = {}

    def reason(self, address: str) -> str | None:
        """Why a bare address is listed; None if it is not."""
        entry = self._entries.get(address.lower())
        return str(entry["Reason"]) if entry else None

    def put(self, call: Call) -> Json:
        """PutSuppressedDestination.

        Raises:
            SesError: The address or the reason is unfit, or the account is in the sandbox. Of that
                SES's guide says only that the operation cannot be used; the code is our guess.
        """
        self._admit()
        if not self._settings.production_access:
            raise bad_request("Your account is in the sandbox.")
        address = bare(str(call.params.get("EmailAddress", "")))
        reason = call.params.get("Reason")
        if reason not in REASONS:
            raise bad_request("Reason must be BOUNCE or COMPLAINT.")
        entry = {"EmailAddress": address, "Reason": reason, "LastUpdateTime": time.time()}
        self._entries[address.lower()] = entry
        return {}

    def get(self, call: Call) -> Json:
        """GetSuppressedDestination.

        Raises:
            SesError: The address is not listed.
        """
        self._admit()
        return {"SuppressedDestination": self._entries[self._key(call)]}

    def delete(self, call: Call) -> Json:
        """DeleteSuppressedDestination.

        Raises:
            SesError: The address is not listed.
        """
        self._admit()
        del self._entries[self._key(call)]
        return {}

    def list(self, call: Call) -> Json:
        """ListSuppressedDestinations.

        Raises:
            SesError: A date, the page size or the token is unfit.
        """
        self._admit()
        params = call.params
        reasons = set(params.get("Reasons") or REASONS)
        start = _epoch(params.get("StartDate"), float("-inf"))
        end = _epoch(params.get("EndDate"), float("inf"))
        found = {
            key: entry
            for key, entry in self._entries.items()
            if entry["Reason"] in reasons and start <= entry["LastUpdateTime"] <= end
        }
        return page("SuppressedDestinationSummaries", found, params, default_size=_PAGE)

    def _admit(self) -> None:
        """Source: the SES quotas, of all operations that do not send: one call a second."""
        per_second = self._settings.suppression_calls_per_second
        if not per_second:
            return
        if not self._limit.has_room(per_second):
            raise too_many_calls()
        self._limit.draw(1, per_second)

    def _key(self, call: Call) -> str:
        address = str(call.params["EmailAddress"])
        if address.lower() not in self._entries:
            raise not_found(f"Email address {address} does not exist on your suppression list.")
        return address.lower()


def _epoch(text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise bad_request(f"{text!r} is not a date.") from None
