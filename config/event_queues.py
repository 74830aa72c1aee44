"""How the queue of another region or account is named: by its name, URL or ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from config.streams import QUEUE_NAME

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_ARN = re.compile(
    r"arn:aws[a-z-]*:sqs:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_-]{1,80})"
)
_URL = re.compile(
    r"https?://(?P<host>[^/\s]+)/(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80})"
)
# https://docs.aws.amazon.com/general/latest/gr/sqs-service.html, and the older names of the hosts.
_REGION_OF_HOST = re.compile(r"sqs\.(?P<one>[a-z0-9-]+)\..+|(?P<other>[a-z0-9-]+)\.queue\..+")


@dataclass(frozen=True)
class QueueReference:
    """What a setting says of a queue. None where it says nothing: ours, then."""

    name: str
    account: str | None = None
    region: str | None = None
    url: str | None = None


def queue_references(value: str) -> tuple[str, ...]:
    """The queues of a list, separated by commas or blanks, each once, as they are written.

    Raises:
        ValueError: one of them is no name, URL or ARN of a queue.
    """
    written = tuple(dict.fromkeys(value.replace(",", " ").split()))
    for each in written:
        queue_reference(each)
    return written


def queue_reference(written: str) -> QueueReference:
    """What is meant by a name, URL or ARN.

    Raises:
        ValueError: it is none of them.
    """
    if found := _ARN.fullmatch(written):
        return QueueReference(found["name"], found["account"], found["region"])
    if found := _URL.fullmatch(written):
        host = _REGION_OF_HOST.fullmatch(found["host"])
        region = (host["one"] or host["other"]) if host else None
        return QueueReference(found["name"], found["account"], region, written)
    if QUEUE_NAME.fullmatch(written):
        return QueueReference(written)
    raise ValueError(
        f"{written!r} is no queue: write its name, its URL, or its ARN, such as "
        "arn:aws:sqs:eu-central-1:123456789012:mailsluice-events"
    )
