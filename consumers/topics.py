"""Which SNS topics may speak to an event queue, and where SNS keeps their certificates.

Sources: Amazon SNS developer guide, "Verifying the signatures of Amazon SNS messages"; the
partitions and their domains are those of botocore's `partitions.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from config.topics import TOPIC_ARN

DOMAINS = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}

# No dot may begin a segment, nothing is percent-encoded, and nothing follows.
_CERTIFICATE_PATH = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.pem")

_QUEUE_ARN = re.compile(r"arn:([a-z-]+):sqs:([a-z0-9-]+):([0-9]{12}):.+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Topic:
    """The parts of a topic's ARN."""

    arn: str
    partition: str
    region: str
    account_id: str

    def has_certificate_at(self, url: str) -> bool:
        """Whether this is an address at which SNS in the topic's region keeps certificates."""
        domain = DOMAINS.get(self.partition)
        base = f"https://sns.{self.region}.{domain}/"
        if domain is None or not url.startswith(base):
            return False
        return _CERTIFICATE_PATH.fullmatch(url, len(base)) is not None


@dataclass(frozen=True)
class Home:
    """The account and region of the event queue. `simulator` is its origin on this very host."""

    partition: str = ""
    region: str = ""
    account_id: str = ""
    simulator: str | None = None

    @classmethod
    def of(cls, queue_arn: str, endpoint_url: str) -> Home:
        """Where a queue is that is reached at this endpoint."""
        found = _QUEUE_ARN.fullmatch(queue_arn)
        partition, region, account_id = found.groups() if found else ("", "", "")
        return cls(partition, region, account_id, _loopback_origin(endpoint_url))

    def owns(self, topic: Topic) -> bool:
        """Whether the topic is of the queue's own account."""
        return (topic.partition, topic.account_id) == (self.partition, self.account_id)

    def has_certificate_at(self, url: str) -> bool:
        """Whether this is the certificate of a simulator that the queue itself is on.

        A setting could be left on; this cannot, for events that come from localhost are not AWS's.
        """
        if self.simulator is None or not url.startswith(self.simulator + "/"):
            return False
        return _CERTIFICATE_PATH.fullmatch(url, len(self.simulator) + 1) is not None


@lru_cache(maxsize=256)
def topic_of(arn: str) -> Topic | None:
    """The parts of the ARN; None if it is no topic's."""
    found = TOPIC_ARN.fullmatch(arn)
    return Topic(arn, found["partition"], found["region"], found["account"]) if found else None


def _loopback_origin(endpoint_url: str) -> str | None:
    parts = urlsplit(endpoint_url)
    if parts.hostname not in _LOOPBACK or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc}"
