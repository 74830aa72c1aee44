"""One command makes everything in AWS, and repairs what has drifted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from config.errors import ConfigurationError
from config.settings import load_settings
from ops.exits import ExitCode
from ops.provision import Outcome, Step, provision

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from sandbox.aws.control import Control

    Client = Callable[[str], Any]

STREAM_QUEUE = "mailsluice-transactional"
EVENTS_QUEUE = "mailsluice-events"
TOPIC = "mailsluice-events"
CONFIGURATION_SET = "mailsluice"
QUEUES = {
    f"mailsluice-{name}{suffix}"
    for name in ("transactional", "notifications", "marketing", "events")
    for suffix in ("", "-dlq")
}
WRITES = {
    f"{service}.{action}"
    for service, actions in {
        "sqs": ("CreateQueue", "SetQueueAttributes"),
        "sns": ("CreateTopic", "SetTopicAttributes", "Subscribe", "SetSubscriptionAttributes"),
        "ses": (
            "CreateConfigurationSet",
            "CreateConfigurationSetEventDestination",
            "UpdateConfigurationSetEventDestination",
        ),
    }.items()
    for action in actions
}


def attributes(client: Client, queue: str) -> dict[str, str]:
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return found


def spoil(client: Client, queue: str, **changed: str) -> None:
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)


def topic_arn(client: Client) -> str:
    return str(client("sns").list_topics()["Topics"][0]["TopicArn"])


def subscription_arn(client: Client) -> str:
    found = client("sns").list_subscriptions_by_topic(TopicArn=topic_arn(client))
    return str(found["Subscriptions"][0]["SubscriptionArn"])


def event_destination(client: Client) -> dict[str, Any]:
    (found,) = client("sesv2").get_configuration_set_event_destinations(
        ConfigurationSetName=CONFIGURATION_SET
    )["EventDestinations"]
    destination: dict[str, Any] = found
    return destination


def changed_by(steps: list[Step]) -> list[tuple[str, Outcome]]:
    return [(step.name, step.outcome) for step in steps if step.outcome is not Outcome.UNCHANGED]


def written(control: Control) -> dict[str, int]:
    return {call: sum(ends.values()) for call, ends in control.calls().items() if call in WRITES}


@pytest.mark.usefixtures("control")
def test_an_empty_account_gets_all_that_is_needed(client: Client) -> None:
    steps = provision(load_settings())
    assert {step.outcome for step in steps} == {Outcome.CREATED}
    urls = client("sqs").list_queues()["QueueUrls"]
    assert {url.rpartition("/")[2] for url in urls} == QUEUES
    assert {step.name for step in steps if step.kind.endswith("queue")} == QUEUES


@pytest.mark.usefixtures("provisioned")
def test_a_stream_queue_is_as_the_settings_say(client: Client) -> None:
    queue, letters = attributes(client, STREAM_QUEUE), attributes(client, f"{STREAM_QUEUE}-dlq")
    assert queue["VisibilityTimeout"] == "300"
    assert queue["ReceiveMessageWaitTimeSeconds"] == "10"
    assert queue["SqsManagedSseEnabled"] == letters["SqsManagedSseEnabled"] == "true"
    assert queue["MaximumMessageSize"] == str(2**20)
    assert int(queue["MessageRetentionPeriod"]) == 12 * 86_400
    assert int(letters["MessageRetentionPeriod"]) == 14 * 86_400
    assert json.loads(queue["RedrivePolicy"]) == {
        "deadLetterTargetArn": letters["QueueArn"],
        "maxReceiveCount": 10,
    }
    assert json.loads(letters["RedriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [queue["QueueArn"]],
    }


def test_a_message_refused_too_often_ends_in_the_dead_letter_queue(
    provisioned: Control, client: Client
) -> None:
    spoil(client, STREAM_QUEUE, VisibilityTimeout="0")
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=STREAM_QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    received = [sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0) for _ in range(11)]
    assert [len(each.get("Messages", [])) for each in received] == [1] * 10 + [0]
    assert provisioned.queue(f"{STREAM_QUEUE}-dlq")["visible"] == 1


def test_an_event_of_a_mail_reaches_the_events_queue(provisioned: Control, client: Client) -> None:
    ses = client("sesv2")
    ses.create_email_identity(EmailIdentity="example.com")
    sent = ses.send_email(
        FromEmailAddress="us@example.com",
        Destination={"ToAddresses": ["success@simulator.amazonses.com"]},
        Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        ConfigurationSetName=CONFIGURATION_SET,
    )
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=EVENTS_QUEUE)["QueueUrl"]
    kinds: set[str] = set()
    while not {"Send", "Delivery"} <= kinds:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10)
        assert found.get("Messages"), f"only {kinds} came"
        for message in found["Messages"]:
            envelope = json.loads(message["Body"])
            assert (envelope["Type"], envelope["SignatureVersion"]) == ("Notification", "2")
            if envelope["Message"].startswith("{"):
                event = json.loads(envelope["Message"])
                assert event["mail"]["messageId"] == sent["MessageId"]
                kinds.add(event["eventType"])


def test_another_topic_cannot_reach_the_events_queue(provisioned: Control, client: Client) -> None:
    sns = client("sns")
    other = sns.create_topic(Name="somebody-elses")["TopicArn"]
    queue_arn = attributes(client, EVENTS_QUEUE)["QueueArn"]
    sns.subscribe(TopicArn=other, Protocol="sqs", Endpoint=queue_arn)
    before = len(provisioned.queue(EVENTS_QUEUE)["messages"])
    sns.publish(TopicArn=other, Message="forged")
    assert len(provisioned.queue(EVENTS_QUEUE)["messages"]) == before


@pytest.mark.usefixtures("provisioned")
def test_what_sns_cannot_deliver_goes_to_a_dead_letter_queue(client: Client) -> None:
    found = client("sns").get_subscription_attributes(SubscriptionArn=subscription_arn(client))
    redrive = json.loads(found["Attributes"]["RedrivePolicy"])
    letters = attributes(client, f"{EVENTS_QUEUE}-dlq")
    assert redrive == {"deadLetterTargetArn": letters["QueueArn"]}
    policy = json.loads(letters["Policy"])["Statement"][0]
    assert policy["Condition"]["ArnEquals"]["aws:SourceArn"] == topic_arn(client)


def test_a_second_run_changes_nothing_and_says_so(
    provisioned: Control, run: Callable[..., Result]
) -> None:
    before = written(provisioned)
    result = run("provision")
    assert result.exit_code == ExitCode.DONE
    assert "Everything was right; nothing was changed." in result.stdout
    assert written(provisioned) == before


def test_a_dry_run_touches_nothing(
    control: Control, client: Client, run: Callable[..., Result]
) -> None:
    result = run("provision", "--dry-run", "--json")
    steps = json.loads(result.stdout)["steps"]
    assert {step["outcome"] for step in steps} == {"created"}
    assert written(control) == {}
    assert "QueueUrls" not in client("sqs").list_queues()


def test_a_dry_run_finds_a_topic_though_there_is_no_queue(control: Control, client: Client) -> None:
    client("sns").create_topic(Name=TOPIC)
    before = written(control)
    outcomes = {step.name: step.outcome for step in provision(load_settings(), dry_run=True)}
    assert outcomes[TOPIC] is Outcome.CHANGED
    assert written(control) == before


def stop_the_subscription(client: Client) -> None:
    client("sns").unsubscribe(SubscriptionArn=subscription_arn(client))


def deliver_raw(client: Client) -> None:
    client("sns").set_subscription_attributes(
        SubscriptionArn=subscription_arn(client),
        AttributeName="RawMessageDelivery",
        AttributeValue="true",
    )


def sign_the_old_way(client: Client) -> None:
    client("sns").set_topic_attributes(
        TopicArn=topic_arn(client), AttributeName="SignatureVersion", AttributeValue="1"
    )


def turn_events_off(client: Client) -> None:
    client("sesv2").update_configuration_set_event_destination(
        ConfigurationSetName=CONFIGURATION_SET,
        EventDestinationName=TOPIC,
        EventDestination={
            "Enabled": False,
            "MatchingEventTypes": ["SEND", "OPEN"],
            "SnsDestination": {"TopicArn": topic_arn(client)},
        },
    )


def lose_the_events_queue(client: Client) -> None:
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=EVENTS_QUEUE)["QueueUrl"])


@pytest.mark.usefixtures("provisioned")
def test_what_has_drifted_is_brought_in_line(client: Client) -> None:
    spoil(client, f"{STREAM_QUEUE}-dlq", MessageRetentionPeriod="86400")
    spoil(client, STREAM_QUEUE, VisibilityTimeout="30", DelaySeconds="5")
    spoil(client, "mailsluice-marketing", RedrivePolicy="")
    spoil(client, EVENTS_QUEUE, Policy="")
    sign_the_old_way(client)
    deliver_raw(client)
    turn_events_off(client)
    announced = changed_by(provision(load_settings(), dry_run=True))
    assert announced == [
        (f"{STREAM_QUEUE}-dlq", Outcome.CHANGED),
        (STREAM_QUEUE, Outcome.CHANGED),
        ("mailsluice-marketing", Outcome.CHANGED),
        (EVENTS_QUEUE, Outcome.CHANGED),
        (TOPIC, Outcome.CHANGED),
        (f"{TOPIC} to {EVENTS_QUEUE}", Outcome.CHANGED),
        (f"{CONFIGURATION_SET}/{TOPIC}", Outcome.CHANGED),
    ]
    assert changed_by(provision(load_settings())) == announced
    assert changed_by(provision(load_settings())) == []


@pytest.mark.usefixtures("provisioned")
def test_what_has_gone_is_made_again(client: Client) -> None:
    lose_the_events_queue(client)
    stop_the_subscription(client)
    announced = changed_by(provision(load_settings(), dry_run=True))
    assert announced == [
        (EVENTS_QUEUE, Outcome.CREATED),
        (f"{TOPIC} to {EVENTS_QUEUE}", Outcome.CREATED),
    ]
    assert changed_by(provision(load_settings())) == announced
    assert changed_by(provision(load_settings())) == []


@pytest.mark.usefixtures("provisioned")
def test_changes_are_told_with_both_values(client: Client, run: Callable[..., Result]) -> None:
    spoil(client, STREAM_QUEUE, VisibilityTimeout="30")
    assert "VisibilityTimeout: 30 -> 300" in run("provision", "--dry-run").stdout
    assert attributes(client, STREAM_QUEUE)["VisibilityTimeout"] == "30"


@pytest.mark.usefixtures("provisioned")
def test_longer_retention_and_a_key_of_the_operators_are_left_alone(client: Client) -> None:
    spoil(client, STREAM_QUEUE, MessageRetentionPeriod="1209600", KmsMasterKeyId="alias/ours")
    spoil(client, STREAM_QUEUE, SqsManagedSseEnabled="false")
    steps = {step.name: step for step in provision(load_settings())}
    assert steps[STREAM_QUEUE].outcome is Outcome.UNCHANGED
    assert "KMS key alias/ours" in steps[STREAM_QUEUE].details[0]


@pytest.mark.usefixtures("provisioned")
def test_opens_and_clicks_are_tracked_only_when_asked_for_and_then_stay(client: Client) -> None:
    assert not {"OPEN", "CLICK"} & set(event_destination(client)["MatchingEventTypes"])
    changed = changed_by(provision(load_settings(), tracking=True))
    assert changed == [(f"{CONFIGURATION_SET}/{TOPIC}", Outcome.CHANGED)]
    assert changed_by(provision(load_settings())) == []
    assert {"OPEN", "CLICK"} <= set(event_destination(client)["MatchingEventTypes"])


@pytest.mark.usefixtures("control")
def test_each_configuration_set_of_a_stream_may_publish(client: Client) -> None:
    overrides = {"marketing": {"configuration_set": "news"}}
    provision(load_settings(stream_overrides=overrides))
    for name in ("news", CONFIGURATION_SET):
        found = client("sesv2").get_configuration_set_event_destinations(ConfigurationSetName=name)
        assert found["EventDestinations"][0]["SnsDestination"]["TopicArn"] == topic_arn(client)


@pytest.mark.usefixtures("control")
def test_a_configuration_set_added_later_is_let_in_by_the_topic(client: Client) -> None:
    provision(load_settings())
    later = load_settings(stream_overrides={"marketing": {"configuration_set": "news"}})
    assert changed_by(provision(later)) == [
        (TOPIC, Outcome.CHANGED),
        ("news", Outcome.CREATED),
        (f"news/{TOPIC}", Outcome.CREATED),
    ]


@pytest.mark.parametrize(
    ("service", "action", "code", "resource"),
    [
        ("sqs", "CreateQueue", "AccessDenied", "queue mailsluice-transactional-dlq"),
        ("sqs", "SetQueueAttributes", "AccessDeniedException", "queue mailsluice-transactional"),
        ("sns", "CreateTopic", "AuthorizationError", "topic mailsluice-events"),
        ("sns", "Subscribe", "AuthorizationError", "topic mailsluice-events"),
        ("ses", "CreateConfigurationSet", "AccessDeniedException", "configuration set mailsluice"),
    ],
)
def test_a_missing_permission_is_named_with_its_resource(
    control: Control, service: str, action: str, code: str, resource: str
) -> None:
    control.fault(service, action, "status", status=403, code=code, message="not authorized")
    with pytest.raises(ConfigurationError, match=f"may not do {service}:{action} on {resource}"):
        provision(load_settings())


def test_what_was_done_before_a_failure_is_still_told(
    control: Control, run: Callable[..., Result]
) -> None:
    control.fault("sns", "CreateTopic", "status", status=403, code="AuthorizationError")
    result = run("provision")
    assert result.exit_code == ExitCode.WRONG
    assert "mailsluice-events-dlq" in result.stdout
    assert "sns:CreateTopic on topic mailsluice-events" in result.stderr


@pytest.mark.usefixtures("control")
def test_the_variables_to_set_are_printed(run: Callable[..., Result]) -> None:
    result = run("provision")
    assert "AWS_SES_CONFIGURATION_SET=mailsluice" in result.stdout
    again = json.loads(run("provision", "--json").stdout)
    assert again["environment"]["AWS_SES_CONFIGURATION_SET"] == "mailsluice"
    assert {step["outcome"] for step in again["steps"]} == {"unchanged"}
