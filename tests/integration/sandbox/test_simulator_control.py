"""The control interface tells what happened and waits for what is to happen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox


def test_accepted_sends_can_be_waited_for(outbox: Outbox, control: Control) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(control.wait_for, "sends", 2)
        outbox.send()
        outbox.send()

        assert waiting.result(timeout=5) == 2


def test_calls_can_be_waited_for(simulator: Aws, control: Control) -> None:
    simulator.queue("mail")

    assert control.wait_for("calls:sqs.CreateQueue", 1) == 1
    assert control.wait_for("started:sqs.CreateQueue", 1) == 1


def test_an_empty_queue_can_be_waited_for(simulator: Aws, control: Control) -> None:
    url = simulator.queue("mail")
    simulator.sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = simulator.receive(url)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(control.wait_for, "queue_empty:mail", 1)
        simulator.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        waiting.result(timeout=5)


def test_waiting_too_long_tells_the_present_value(
    outbox: Outbox, control: Control, simulator: Aws
) -> None:
    outbox.send()
    simulator.sqs.send_message(QueueUrl=outbox.queue_url, MessageBody="hello")

    with pytest.raises(TimeoutError, match="sends is 1, not 2"):
        control.wait_for("sends", 2, timeout_seconds=0.05)
    with pytest.raises(TimeoutError, match="still holds"):
        control.wait_for("queue_empty:ses-events", 1, timeout_seconds=0.05)


def test_waiting_for_nonsense_is_refused(control: Control) -> None:
    with pytest.raises(ValueError, match="Cannot wait for 'rain'"):
        control.wait_for("rain", 1)
    with pytest.raises(ValueError, match="does not exist"):
        control.wait_for("queue_empty:nowhere", 1)


def test_the_state_of_a_queue_is_told(simulator: Aws, control: Control) -> None:
    url = simulator.queue("mail")
    for body in ("one", "two"):
        simulator.sqs.send_message(QueueUrl=url, MessageBody=body)
    simulator.sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=60)
    simulator.receive(url, MaxNumberOfMessages=1)

    state = control.queue("mail")

    assert (state["visible"], state["in_flight"], state["delayed"]) == (1, 1, 1)
    assert {(m["body"], m["receive_count"], m["state"]) for m in state["messages"]} == {
        ("one", 1, "in_flight"),
        ("two", 0, "visible"),
        ("late", 0, "delayed"),
    }


def test_reset_forgets_everything(outbox: Outbox, control: Control, simulator: Aws) -> None:
    outbox.send()
    control.ses(max_send_rate=1, suspended=True)
    control.fault("sqs", "*", "status")

    control.reset()

    assert control.sends() == []
    assert control.calls() == {}
    assert "QueueUrls" not in simulator.sqs.list_queues()
    assert simulator.sns.list_topics()["Topics"] == []
    assert simulator.ses.list_email_identities()["EmailIdentities"] == []
    assert simulator.ses.get_account()["SendQuota"]["MaxSendRate"] == 14


@pytest.mark.parametrize("service", ["sqs", "sns", "ses", "events"])
def test_a_setting_that_does_not_exist_is_refused(control: Control, service: str) -> None:
    with pytest.raises(ValueError, match="There is no setting 'colour'"):
        getattr(control, service)(colour="red")


def test_a_setting_of_another_type_is_refused(control: Control) -> None:
    with pytest.raises(ValueError, match="max_send_rate takes a float"):
        control.ses(max_send_rate="fast")


def test_a_setting_with_choices_names_them(control: Control) -> None:
    with pytest.raises(ValueError, match="paused_as is one of exception, message_rejected"):
        control.ses(paused_as="loudly")


def test_an_operation_that_is_not_offered_says_so(simulator: Aws) -> None:
    assert simulator.refusal(simulator.ses.list_contact_lists) == "UnknownOperationException"
    assert simulator.refusal(simulator.sns.list_phone_numbers_opted_out) == "InvalidAction"
    assert (
        simulator.refusal(
            simulator.sqs.add_permission,
            QueueUrl="x",
            Label="x",
            AWSAccountIds=["1"],
            Actions=["*"],
        )
        == "UnknownOperationException"
    )
