"""The topic that SES publishes its events to, and the events queue's subscription.

https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html and
https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.provision.account import Account, Place, touching
from ops.provision.attributes import Attributes, differences, document, told
from ops.provision.plan import DEAD_LETTERS, Plan
from ops.provision.policies import only_ses_publishes
from ops.provision.steps import Step, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TOPIC = "topic"
SUBSCRIPTION = "subscription"


def ensure_topic(account: Account, plan: Plan) -> tuple[Step, str | None]:
    """Make the topic what it should be; answers its ARN too, None while there is none.

    Raises:
        ConfigurationError: the credentials may not.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SNS did not do it.
    """
    with touching("sns", f"topic {plan.topic}"):
        arn = _existing_arn(account, plan.topic)
        existed = arn is not None
        if arn is None:
            if account.dry_run:
                return Step(TOPIC, plan.topic, outcome_of(existed=False, changes=())), None
            arn = account.sns.create_topic(Name=plan.topic)["TopicArn"]
        found = account.sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        policy = only_ses_publishes(Place.of(arn), plan.topic, plan.configuration_sets)
        changed = differences({"SignatureVersion": "2"} | policy, found)
        if not account.dry_run:
            for name, value in changed.items():
                account.sns.set_topic_attributes(
                    TopicArn=arn, AttributeName=name, AttributeValue=value
                )
    changes = told(changed, found) if existed else ()
    outcome = outcome_of(existed=existed, changes=changes)
    return Step(TOPIC, plan.topic, outcome, (*changes, *_key_notes(found))), arn


def ensure_subscription(account: Account, plan: Plan, topic_arn: str | None) -> Step:
    """Subscribe the events queue, with a dead-letter queue for what SNS cannot deliver.

    Raises:
        ConfigurationError: the credentials may not.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SNS did not do it.
    """
    name = f"{plan.topic} to {plan.events_queue}"
    with touching("sns", f"topic {plan.topic}"):
        arn = _subscription_arn(account, topic_arn, plan.events_queue) if topic_arn else None
        if arn is None:
            if topic_arn and account.place and not account.dry_run:
                _subscribe(account, account.place, topic_arn, plan.events_queue)
            return Step(SUBSCRIPTION, name, outcome_of(existed=False, changes=()))
        found = account.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        changed = differences(_wanted(Place.of(arn), plan.events_queue, found), found)
        if not account.dry_run:
            for attribute, value in changed.items():
                account.sns.set_subscription_attributes(
                    SubscriptionArn=arn, AttributeName=attribute, AttributeValue=value
                )
    changes = told(changed, found)
    return Step(SUBSCRIPTION, name, outcome_of(existed=True, changes=changes), changes)


def _existing_arn(account: Account, name: str) -> str | None:
    if account.place is None:  # a dry run before there is any queue
        return _listed_arn(account, name)
    arn = account.place.arn("sns", name)
    try:
        account.sns.get_topic_attributes(TopicArn=arn)
    except account.sns.exceptions.NotFoundException:
        return None
    return arn


def _listed_arn(account: Account, name: str) -> str | None:
    for page in account.sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            if topic["TopicArn"].endswith(f":{name}"):
                return topic["TopicArn"]
    return None


def _subscription_arn(account: Account, topic_arn: str, queue: str) -> str | None:
    endpoint = Place.of(topic_arn).arn("sqs", queue)
    pages = account.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    for page in pages:
        for each in page["Subscriptions"]:
            # One that is pending or deleted has a word in the place of its ARN.
            if each["Endpoint"] == endpoint and each["SubscriptionArn"].startswith("arn:"):
                return each["SubscriptionArn"]
    return None


def _subscribe(account: Account, place: Place, topic_arn: str, queue: str) -> None:
    account.sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=place.arn("sqs", queue),
        Attributes=_wanted(place, queue, {}),
        ReturnSubscriptionArn=True,
    )


def _wanted(place: Place, queue: str, found: Mapping[str, str]) -> Attributes:
    """Envelopes are kept, for they name topic and time; nothing is filtered out."""
    redrive = {"deadLetterTargetArn": place.arn("sqs", queue + DEAD_LETTERS)}
    wanted = {"RawMessageDelivery": "false", "RedrivePolicy": document(redrive)}
    return wanted | {"FilterPolicy": "{}"} if "FilterPolicy" in found else wanted


def _key_notes(found: Mapping[str, str]) -> tuple[str, ...]:
    key = found.get("KmsMasterKeyId")
    if not key:
        return ()
    return (f"encrypted with the KMS key {key}: its policy must let ses.amazonaws.com use it",)
