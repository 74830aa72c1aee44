"""EMAIL_FROM: what SES takes as a sender, and nothing that it would refuse with every message."""

from __future__ import annotations

import re

# RFC 5321, section 4.1.2, and RFC 5322, section 3.4; SES takes only ASCII in an address.
_LOCAL_PART = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*|\"[^\"\\]+\""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?:{_LOCAL_PART})@(?:{_LABEL}\.)+{_LABEL}", re.ASCII)
_NAME = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[^\"<>@,;:\\()\[\]]*")
_WITH_NAME = re.compile(r"(?P<name>[^<]*|\".*\"\s*)<(?P<address>[^<>]*)>")


def check_sender(sender: str) -> str:
    """The sender as given, if it is `local@domain.tld` or `Name <local@domain.tld>`.

    Raises:
        ValueError: it is neither; the text quotes nothing of it.
    """
    if not sender.isascii() or not sender.isprintable():
        raise ValueError(
            "must be printable ASCII: the display name belongs into EMAIL_FROM_NAME, and a domain "
            "with other letters is written in punycode (xn--...)"
        )
    found = _WITH_NAME.fullmatch(sender)
    name, address = (found["name"], found["address"]) if found else ("", sender)
    if not _ADDRESS.fullmatch(address) or not _NAME.fullmatch(name.strip()):
        raise ValueError(
            "must be an address (news@example.com) or a name and an address "
            "(Example News <news@example.com>; a name with commas and the like in quotes)"
        )
    return sender


def names_its_sender(sender: str) -> bool:
    """Whether the sender has a display name of its own."""
    return sender.endswith(">")
