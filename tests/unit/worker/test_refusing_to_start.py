"""A process whose settings or queues could break a promise does not start, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from config import aws
from config.errors import ConfigurationError
from config.settings import load_settings
from consumers.main import run_events
from worker.main import run_worker
from worker.queues import check_redrive
from worker.scheduler.main import run_scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings

URL = "https://sqs.eu-west-1.amazonaws.com/000000000000/mail"


@pytest.mark.parametrize(
    "run", [lambda settings: run_worker(settings, ["transactional"]), run_scheduler, run_events]
)
def test_no_process_starts_with_times_that_could_break_a_promise(
    run: Callable[[Settings], int],
) -> None:
    settings = load_settings(lease_seconds=6, database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ConfigurationError, match="MAILSLUICE_LEASE_SECONDS"):
        run(settings)


@pytest.mark.parametrize("attributes", [{}, {"RedrivePolicy": ""}])
def test_a_queue_without_a_dead_letter_queue_is_refused(attributes: dict[str, str]) -> None:
    sqs = aws.sqs(load_settings())
    with Stubber(sqs) as stub:
        stub.add_response("get_queue_attributes", {"Attributes": attributes})
        with pytest.raises(ConfigurationError, match="dead-letter queue"):
            check_redrive(sqs, {"mail": URL})
