"""Short times, so that what a disturbance leaves behind is settled while somebody watches."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.chaos.times import EVENTS_VISIBILITY_SECONDS, TIMES
from sandbox.chaos.trial import Trial
from sandbox.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def _events_come_back_soon(installation: Installation) -> None:
    """Events in the hands of a consumer that was killed show again after this time."""
    url = installation.sqs.get_queue_url(QueueName="mailsluice-events")["QueueUrl"]
    installation.sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": str(EVENTS_VISIBILITY_SECONDS)}
    )


@pytest.fixture(scope="session")
def short_times() -> dict[str, str]:
    """For the environment of every process of a fault test."""
    return TIMES


@pytest.fixture(scope="module")
def trial(installation: Installation) -> Iterator[Trial]:
    """An installation on trial; the scenarios of a module share it and its processes."""
    made = Trial(installation)
    yield made
    made.close()


@pytest.fixture(scope="module")
def trial_of_a_database() -> Iterator[Trial]:
    """The same with a PostgreSQL server of its own, that may be crashed."""
    # Not in pytest's own folder: another run on this host shuts that to the server's user.
    with (
        tempfile.TemporaryDirectory(prefix="mailsluice-tests-") as directory,
        Installation(Path(directory)) as installation,
    ):
        made = Trial(installation)
        yield made
        made.close()
