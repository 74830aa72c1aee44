"""Pages of a list, by a token that names the last item seen."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.errors import SesError, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_PAGE = 1000


def page(
    key: str, items: Mapping[str, object], params: dict[str, Any], *, default_size: int = 100
) -> dict[str, Any]:
    """One page of `items` in the order of their names, with `NextToken` if there is more.

    Raises:
        SesError: The page size or the token is unfit.
    """
    size = params.get("PageSize", default_size)
    if not isinstance(size, int) or not 1 <= size <= _LARGEST_PAGE:
        raise bad_request(f"PageSize must be between 1 and {_LARGEST_PAGE}.")
    after = _decoded(params.get("NextToken"))
    names = sorted(name for name in items if after is None or name > after)
    answer: dict[str, Any] = {key: [items[name] for name in names[:size]]}
    if len(names) > size:
        answer["NextToken"] = base64.urlsafe_b64encode(names[size - 1].encode()).decode()
    return answer


def _decoded(token: object) -> str | None:
    if not token:
        return None
    try:
        return base64.b64decode(str(token), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise SesError(
            "InvalidNextTokenException",
            "The specified request includes an invalid or expired token.",
        ) from None
