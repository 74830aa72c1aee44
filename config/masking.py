"""The database's URL without its secrets: it is printed, logged and told in errors."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MASK = "********"

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
_SECRETS = {
    "oauth_client_secret",
    "password",
    "scram_client_key",
    "scram_server_key",
    "sslpassword",
}

# A password may hold a "?" that nobody encoded: only what has a key begins the query.
_QUERY = re.compile(r"\?(?=[\w.%+-]+=)")
_HOST_AND_PATH = re.compile(r"(?:\[[^\]/]*\]|[^:/]*)(?::\d*)?(?:/.*)?", re.DOTALL)


def mask_password(url: str) -> str:
    """The URL with every password in it replaced by asterisks.

    A password stands between user and host, or in the query by one of libpq's names. What cannot
    be told from a password is hidden as well: a port that is no number, a text that is no URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url and MASK
    place, *query = _QUERY.split(rest, maxsplit=1)
    if "@" not in place and not _HOST_AND_PATH.fullmatch(place):
        return f"{scheme}://{place.partition(':')[0]}:{MASK}"
    pairs = "&".join(_masked_pair(pair) for pair in "".join(query).split("&"))
    return f"{scheme}://{_masked_place(place)}{'?' + pairs if query else ''}"


def _masked_place(place: str) -> str:
    credentials, at, host = place.rpartition("@")
    user, colon, _password = credentials.partition(":")
    return f"{user}{colon and ':' + MASK}{at}{host}"


def _masked_pair(pair: str) -> str:
    key, separator, _value = pair.partition("=")
    secret = unquote_plus(key).lower() in _SECRETS
    return f"{key}{separator}{MASK}" if secret else pair
