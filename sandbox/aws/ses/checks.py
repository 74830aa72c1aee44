"""What SES checks of tags, headers and recipients before it takes a message.

Source: Amazon SES API v2 reference, MessageTag, MessageHeader and Destination.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.ses.errors import bad_request

Json = dict[str, Any]

MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_MAX_HEADERS = 15
_MAX_HEADER_LENGTH = 996
_RESERVED_HEADERS = {
    "bcc",
    "cc",
    "content-disposition",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "return-path",
    "subject",
    "to",
}
_ONCE = {"list-unsubscribe", "list-unsubscribe-post"}


def tags(entries: list[Json] | None) -> dict[str, str]:
    """Message tags as a mapping.

    Raises:
        SesError: A name or value holds a character that tags may not hold.
    """
    found = {}
    for entry in entries or ():
        name, value = str(entry.get("Name", "")), str(entry.get("Value", ""))
        for kind, text in (("name", name), ("value", value)):
            if not _TAG.fullmatch(text):
                raise bad_request(
                    f"Invalid tag {kind} <{text}>: only alphanumeric ASCII characters, '_', and "
                    "'-' are allowed."
                )
        found[name] = value
    return found


def headers(entries: list[Json] | None) -> list[tuple[str, str]]:
    """Custom headers as pairs.

    Raises:
        SesError: There are too many, or one is not permitted.
    """
    found = [(str(entry.get("Name", "")), str(entry.get("Value", ""))) for entry in entries or ()]
    if len(found) > _MAX_HEADERS:
        raise bad_request(f"A message has at most {_MAX_HEADERS} custom headers.")
    for name, value in found:
        _check_header(name, value)
    names = [name.lower() for name, _ in found]
    for name in _ONCE:
        if names.count(name) > 1:
            raise bad_request(f"Duplicate header '{name}'.")
    return found


def destination(wanted: Json | None) -> tuple[list[str], list[str], list[str]]:
    """To, Cc and Bcc addresses as given.

    Raises:
        SesError: There are none, or more than SES takes.
    """
    wanted = wanted or {}
    to, cc, bcc = (list(wanted.get(f"{kind}Addresses") or ()) for kind in ("To", "Cc", "Bcc"))
    check_recipient_count(len(to) + len(cc) + len(bcc))
    return to, cc, bcc


def check_recipient_count(count: int) -> None:
    """Refuse no recipients, and too many.

    Raises:
        SesError: One or the other.
    """
    if count == 0:
        raise bad_request("Missing required header 'To'.")
    if count > MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MAX_RECIPIENTS}.")


def check_size(size_bytes: int) -> None:
    """Refuse a message that is too large.

    Raises:
        SesError: It is.
    """
    if size_bytes > MAX_MESSAGE_BYTES:
        raise bad_request(
            f"Message length is more than the allowed {MAX_MESSAGE_BYTES} bytes: '{size_bytes}'."
        )


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise bad_request(f"Header name '{name}' is not valid.")
    if not _HEADER_VALUE.fullmatch(value) or len(name) + len(value) > _MAX_HEADER_LENGTH:
        raise bad_request(f"The value of header '{name}' is too long or not printable ASCII.")
    if name.lower() in _RESERVED_HEADERS:
        raise bad_request(f"Header '{name}' is not permitted as a custom header.")
