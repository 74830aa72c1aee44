"""Queue and topic policies decide who may act."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.policies import admits

TOPIC = "arn:aws:sns:eu-west-1:000000000000:ses-events"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:inbox"
ALLOWED: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}},
}


def admitted(*statements: dict[str, Any]) -> bool:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return admits(
        policy,
        service="sns.amazonaws.com",
        action="sqs:SendMessage",
        resource=QUEUE,
        source_arn=TOPIC,
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["ses.amazonaws.com", "sns.amazonaws.com"]}},
        {"Action": ["SQS:SendMessage", "SQS:ReceiveMessage"]},
        {"Action": "sqs:*"},
        {"Resource": "*"},
        {"Condition": {}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:*:000000000000:ses-*"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}},
    ],
)
def test_a_statement_that_fits_lets_in(change: dict[str, Any]) -> None:
    assert admitted(ALLOWED | change)


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "ses.amazonaws.com"}},
        {"Action": "sqs:ReceiveMessage"},
        {"Resource": QUEUE + "-other"},
        {"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC + "-other"}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
)
def test_a_statement_that_does_not_fit_keeps_out(change: dict[str, Any]) -> None:
    assert not admitted(ALLOWED | change)


def test_a_denial_beats_a_permission() -> None:
    assert not admitted(ALLOWED, ALLOWED | {"Effect": "Deny"})


def test_a_single_statement_needs_no_list() -> None:
    policy = json.dumps({"Statement": ALLOWED})

    assert admits(
        policy,
        service="sns.amazonaws.com",
        action="sqs:SendMessage",
        resource=QUEUE,
        source_arn=TOPIC,
    )
