"""Options and settings: mistakes are named before the first call."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from kombu import Connection

import worker.transport
from worker.transport import BadTransportOptionsError, TransportOptions, celery_settings
from worker.transport.sqs import client_from_environment

QUEUES = {"mail": "http://sqs.test/000000000000/mail"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "needs queues"),
        ({"queues": {}}, "at least one queue"),
        ({"queues": QUEUES, "may_recieve": print}, "no option may_recieve"),
        ({"queues": QUEUES, "wait_time_seconds": 21}, "wait_time_seconds .* 0 to 20, not 21"),
        ({"queues": QUEUES, "visibility_timeout_seconds": 0}, "visibility_timeout_seconds"),
        ({"queues": QUEUES, "refused_visibility_seconds": 2.5}, "refused_visibility_seconds"),
        ({"queues": QUEUES, "receives_at_most": 0}, "receives_at_most"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(options: Any, reason: str) -> None:
    with pytest.raises(BadTransportOptionsError, match=reason):
        TransportOptions.parse(options)


def test_options_survive_the_way_through_celery() -> None:
    options = TransportOptions(queues=QUEUES, may_receive=lambda _: True, wait_time_seconds=5)
    assert TransportOptions.parse(options.as_transport_options()) == options


def test_a_queue_without_a_url_is_named() -> None:
    with pytest.raises(BadTransportOptionsError, match="'post'"):
        TransportOptions(queues=QUEUES).url_of("post")


def test_importing_the_package_registers_the_url_scheme() -> None:
    with Connection("mailsluice-sqs://", transport_options={"queues": QUEUES}) as connection:
        assert isinstance(connection.transport, worker.transport.Transport)


def test_the_transport_is_found_by_its_dotted_path() -> None:
    connection = Connection(
        transport="worker.transport:Transport", transport_options={"queues": QUEUES}
    )
    assert isinstance(connection.transport, worker.transport.Transport)
    connection.transport.close_connection(None)


def test_the_settings_make_a_worker_that_deletes_only_after_success() -> None:
    app = Celery("test", set_as_current=False)
    app.conf.update(celery_settings(TransportOptions(queues=QUEUES), concurrency=4))

    @app.task(name="mail.send")
    def send() -> None:
        """Does nothing."""

    task = app.tasks["mail.send"]
    assert task.acks_late
    assert not task.acks_on_failure
    assert not task.acks_on_timeout
    assert task.ignore_result
    assert task.Request == "worker.transport.request:Request"
    assert app.conf.worker_pool == "threads"
    assert list(app.amqp.queues) == ["mail"]
    assert isinstance(app.connection_for_read().transport, worker.transport.Transport)


def test_a_consumer_that_does_not_acknowledge_is_refused() -> None:
    with (
        Connection("mailsluice-sqs://", transport_options={"queues": QUEUES}) as connection,
        pytest.raises(NotImplementedError, match="lose messages"),
    ):
        connection.default_channel.basic_consume("mail", True, print, "tag")  # noqa: FBT003  kombu's signature


def test_the_default_client_outlives_a_long_poll_and_does_not_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client = client_from_environment(wait_time_seconds=20)
    config = client.meta.config
    assert config.read_timeout > 25
    assert config.connect_timeout == 3
    assert config.retries["total_max_attempts"] == 1
    client.close()
