"""How provisioning compares what it finds with what should be, and what it names things."""

from __future__ import annotations

import json

import pytest

from config.errors import ConfigurationError
from config.settings import load_settings
from ops.provision import environment
from ops.provision.account import Place
from ops.provision.attributes import differences, told
from ops.provision.plan import plan
from ops.provision.policies import only_ses_publishes, only_topic_sends

PLACE = Place("aws-cn", "cn-north-1", "123456789012")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("300", "300"),
        ("true", "True"),
        ('{"maxReceiveCount":10}', '{ "maxReceiveCount": "10" }'),
        ('{"a":{"b":["x"]}}', '{"a":{"b":"x"}}'),
        ('{"a":["x","y"]}', '{"a":["y","x"]}'),
    ],
)
def test_what_means_the_same_is_no_difference(wanted: str, found: str) -> None:
    assert differences({"Some": wanted}, {"Some": found}) == {}


@pytest.mark.parametrize("found", [{}, {"Some": ""}, {"Some": "30"}, {"Some": '{"a":1}'}])
def test_what_is_missing_or_otherwise_is_a_difference(found: dict[str, str]) -> None:
    assert differences({"Some": "300"}, found) == {"Some": "300"}


@pytest.mark.parametrize(("found", "differs"), [("345600", False), ("999999", False), ("60", True)])
def test_longer_retention_is_the_operators_choice(found: str, *, differs: bool) -> None:
    wanted = {"MessageRetentionPeriod": "345600"}
    assert bool(differences(wanted, {"MessageRetentionPeriod": found})) is differs


def test_changes_are_told_with_both_values_and_documents_without() -> None:
    changed = {"VisibilityTimeout": "300", "Policy": json.dumps({"x": "y" * 50})}
    assert told(changed, {"VisibilityTimeout": "30"}) == (
        "VisibilityTimeout: 30 -> 300",
        "Policy: set",
    )


def test_a_place_is_read_from_any_arn() -> None:
    assert Place.of("arn:aws-cn:sqs:cn-north-1:123456789012:mailsluice-events") == PLACE


def test_the_policies_admit_one_topic_and_the_configuration_sets_by_name() -> None:
    queue = json.loads(only_topic_sends(PLACE, "q", "t")["Policy"])["Statement"]
    topic = json.loads(only_ses_publishes(PLACE, "t", ["a", "b"])["Policy"])["Statement"]
    assert [each["Condition"]["ArnEquals"] for each in queue] == [
        {"aws:SourceArn": "arn:aws-cn:sns:cn-north-1:123456789012:t"}
    ]
    assert [each["Condition"]["StringEquals"] for each in topic] == [
        {
            "AWS:SourceAccount": "123456789012",
            "AWS:SourceArn": [
                "arn:aws-cn:ses:cn-north-1:123456789012:configuration-set/a",
                "arn:aws-cn:ses:cn-north-1:123456789012:configuration-set/b",
            ],
        }
    ]


def test_streams_bring_their_own_queues_and_configuration_sets() -> None:
    settings = load_settings(
        queue_prefix="acme",
        stream_overrides={
            "marketing": {"configuration_set": "news", "queue": "acme-bulk"},
            "notifications": None,
        },
    )
    planned = plan(settings)
    assert planned.stream_queues == ["acme-transactional", "acme-bulk"]
    assert planned.configuration_sets == ["acme", "news"]
    assert environment(settings) == {
        "AWS_REGION": "eu-west-1",
        "AWS_SES_CONFIGURATION_SET": "acme",
        "MAILSLUICE_QUEUE_PREFIX": "acme",
    }


def test_the_environment_names_an_events_queue_of_another_name() -> None:
    settings = load_settings(events_queue="ses", aws_ses_configuration_set="ours")
    variables = environment(settings)
    assert variables["MAILSLUICE_EVENTS_QUEUE"] == "ses"
    assert variables["AWS_SES_CONFIGURATION_SET"] == "ours"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"marketing": {"queue": "x" * 77}}, "SQS takes 1 to 80"),
        ({"marketing": {"queue": "bulk.fifo"}}, "first-in-first-out"),
        ({"marketing": {"queue": "mailsluice-events"}}, "would be two things at once"),
        ({"marketing": {"queue": "mailsluice-transactional-dlq"}}, "would be two things"),
        ({"marketing": {"configuration_set": "a b"}}, "SES takes 1 to 64"),
    ],
)
def test_names_that_cannot_be_are_refused(overrides: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        plan(load_settings(stream_overrides=overrides))
