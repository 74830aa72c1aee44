"""The calls about SES's own suppression list. Each is idempotent, and its caller repeats it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from db.ses_list import Listing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sesv2.literals import SuppressionListReasonType

    from worker.ses.spacing import Spacing

PAGE = 1000
# Of what SES only throttles so long, a later turn may see the end.
MOST_THROTTLED_IN_A_ROW = 8

_THROTTLED = {"TooManyRequestsException", "ThrottlingException", "Throttling"}


class ThrottledError(Exception):
    """SES took the call for one too many. It is repeated after a longer wait."""


class StoppedError(Exception):
    """The process is to stop; the call was not made."""


class UnfitError(Exception):
    """SES does not take this address."""


class TokenLostError(Exception):
    """SES knows the place in its list no more: the reading begins anew."""


class SuppressedDestinations:
    """SES's list for the account of one region, one call at a time, each at its distance.

    Each method raises ThrottledError, StoppedError, and what boto3 raises for all that is not told
    of below. `client` should not retry by itself.
    """

    def __init__(self, client: SESV2Client, spacing: Spacing) -> None:
        self._client = client
        self._spacing = spacing

    def page(self, token: str | None, since: datetime | None) -> tuple[list[Listing], str | None]:
        """A page of the list, and the token of the next; None after the last.

        Raises:
            TokenLostError: the token has expired.
        """
        terms: dict[str, Any] = {"PageSize": PAGE}
        if since is not None:
            terms["StartDate"] = since
        if token is not None:
            terms["NextToken"] = token
        answer = self._call(lambda: self._client.list_suppressed_destinations(**terms))
        entries = answer.get("SuppressedDestinationSummaries", [])
        return [_listing(entry) for entry in entries], answer.get("NextToken") or None

    def get(self, spelling: str) -> Listing | None:
        """The entry of an address, None if there is none.

        Raises:
            UnfitError: SES does not take it for an address.
        """
        try:
            answer = self._about_one(
                lambda: self._client.get_suppressed_destination(EmailAddress=spelling)
            )
        except self._client.exceptions.NotFoundException:
            return None
        return _listing(cast("dict[str, Any]", answer["SuppressedDestination"]))

    def put(self, listing: Listing) -> None:
        """Put an address on the list.

        Raises:
            UnfitError: SES does not take it.
        """
        reason = cast("SuppressionListReasonType", listing.reason)
        self._about_one(
            lambda: self._client.put_suppressed_destination(
                EmailAddress=listing.spelling, Reason=reason
            )
        )

    def delete(self, spelling: str) -> None:
        """Take an address off the list; it need not be there.

        Raises:
            UnfitError: SES does not take it for an address.
        """
        try:
            self._about_one(
                lambda: self._client.delete_suppressed_destination(EmailAddress=spelling)
            )
        except self._client.exceptions.NotFoundException:
            return

    def _about_one(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401  SES's answer
        try:
            return self._call(call)
        except self._client.exceptions.BadRequestException:
            raise UnfitError from None

    def _call(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401  SES's answer
        if not self._spacing.wait():
            raise StoppedError
        try:
            answer = call()
        except ClientError as error:
            self._refused(error)
            raise
        self._spacing.called()
        return answer

    def _refused(self, error: ClientError) -> None:
        code = error.response.get("Error", {}).get("Code")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
            self._spacing.throttled()
            if self._spacing.throttled_in_a_row < MOST_THROTTLED_IN_A_ROW:
                raise ThrottledError from None
            return
        self._spacing.called()
        if code == "InvalidNextTokenException":
            raise TokenLostError from None


def _listing(entry: dict[str, Any]) -> Listing:
    return Listing(
        spelling=entry["EmailAddress"],
        reason=entry.get("Reason", "unknown"),
        listed_at=entry.get("LastUpdateTime"),
    )
