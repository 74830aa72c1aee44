"""The ARN of an SNS topic, as it stands in settings and in SNS's envelopes."""

from __future__ import annotations

import re

TOPIC_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z]{2,}(?:-[a-z0-9]+)+):(?P<account>[0-9]{12})"
    r":(?P<name>[A-Za-z0-9_-]{1,256}(?:\.fifo)?)"
)


def topic_arns(value: str) -> tuple[str, ...]:
    """The topics of a list, separated by commas or blanks.

    Raises:
        ValueError: one of them is no ARN of a topic.
    """
    arns = tuple(value.replace(",", " ").split())
    for arn in arns:
        if not TOPIC_ARN.fullmatch(arn):
            raise ValueError(
                f"{arn!r} is not the ARN of an SNS topic, such as "
                "arn:aws:sns:eu-west-1:123456789012:ses-events"
            )
    return arns
