"""Short times, so that what a killed process leaves behind is settled while somebody watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.installation import Installation

SHORT_TIMES = {
    "MAILSLUICE_SES_READ_TIMEOUT_SECONDS": "2",
    "MAILSLUICE_CONNECT_TIMEOUT_SECONDS": "1",
    "MAILSLUICE_LEASE_SECONDS": "5",
    "MAILSLUICE_VISIBILITY_TIMEOUT_SECONDS": "8",
    "MAILSLUICE_RECORD_TIMEOUT_SECONDS": "2",
    "MAILSLUICE_UNKNOWN_GRACE_SECONDS": "10",
    "MAILSLUICE_SETTLE_INTERVAL_SECONDS": "1",
    "MAILSLUICE_SQS_COUNTS_LAG_SECONDS": "1",
    "MAILSLUICE_RECEIVE_WAIT_SECONDS": "1",
}


@pytest.fixture(scope="module", autouse=True)
def _events_come_back_soon(installation: Installation) -> None:
    """Events in the hands of a consumer that was killed show again after this time."""
    url = installation.sqs.get_queue_url(QueueName="mailsluice-events")["QueueUrl"]
    installation.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "8"})


@pytest.fixture(scope="session")
def short_times() -> dict[str, str]:
    """For the environment of every process of a fault test."""
    return SHORT_TIMES
