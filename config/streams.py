"""Streams: the classes of mail, each with its own queue, configuration set and policies."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from config.errors import ConfigurationError

STREAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html
CONFIGURATION_SET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _check_stream_name(name: str) -> str:
    if not STREAM_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no stream name: use up to 40 lower-case letters, digits, '-' and '_', "
            "beginning with a letter or digit"
        )
    return name


def _check_queue_name(name: str) -> str:
    if not QUEUE_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a queue: SQS takes 1 to 80 of A-Z, a-z, 0-9, - and _ "
            "(first-in-first-out queues are not used)"
        )
    return name


def _check_configuration_set_name(name: str) -> str:
    if not CONFIGURATION_SET_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a configuration set: SES takes 1 to 64 of A-Z, a-z, "
            "0-9, - and _"
        )
    return name


StreamName = Annotated[str, AfterValidator(_check_stream_name)]
QueueName = Annotated[str, AfterValidator(_check_queue_name)]
ConfigurationSetName = Annotated[str, AfterValidator(_check_configuration_set_name)]


# The day's last mails are password resets, not a campaign.
QUOTA_PARTS = {"high": 1.0, "normal": 0.95, "low": 0.8}


class Stream(BaseModel):
    """One class of mail.

    `priority` says who goes first when the account's rate is short, and `share` (0 to 1) what part
    of the rate the stream gets even then. `unknown_policy` says what becomes of a message of which
    nobody can know whether SES took it when no events are configured: `resend` it, or `hold` it
    for a person. `quota_until` (0 to 1) is the part of the day's quota, used by whichever stream,
    at which the stream stops; by default high priority may use all of it, normal 0.95, low 0.8.
    `ses_tenants` says that a message's tenant is a tenant of SES too. A complaint stops every
    stream but those of `after_complaint`, whichever stream it was about; `after_unsubscribe` says
    that the stream goes on when somebody unsubscribes and SES does not tell from what.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StreamName
    queue: QueueName
    configuration_set: ConfigurationSetName | None = None
    max_attempts: int = Field(default=8, ge=1, le=100)
    unknown_policy: Literal["resend", "hold"] = "hold"
    priority: Literal["high", "normal", "low"] = "normal"
    share: float = Field(default=0.1, gt=0, le=1)
    quota_until: float | None = Field(default=None, ge=0, le=1)
    ses_tenants: bool = False
    after_complaint: bool = False
    after_unsubscribe: bool = False

    @property
    def quota_part(self) -> float:
        """The part of the day's quota at which the stream stops."""
        return QUOTA_PARTS[self.priority] if self.quota_until is None else self.quota_until


_STREAMS = TypeAdapter(dict[str, Stream])

DEFAULT_STREAMS: dict[str, dict[str, Any]] = {
    "transactional": {
        "unknown_policy": "resend",
        "priority": "high",
        "share": 0.3,
        "after_unsubscribe": True,
    },
    "notifications": {"share": 0.2},
    "marketing": {"priority": "low"},
}


def build_streams(
    overrides: dict[str, dict[str, Any] | None],
    *,
    queue_prefix: str,
    events_queue: str,
    configuration_set: str | None,
) -> dict[str, Stream]:
    """The streams of this installation: the default three, changed and extended by `overrides`.

    An override of `None` removes a stream. A stream's queue is `{queue_prefix}-{name}` unless it
    names its own.

    Raises:
        pydantic.ValidationError: an override has an unknown key or a value out of range; each
            location begins with the stream's name.
        ConfigurationError: two streams share a queue, or one has that of the events.
    """
    merged: dict[str, dict[str, Any] | None] = {**DEFAULT_STREAMS}
    for name, override in overrides.items():
        merged[name] = None if override is None else {**(merged.get(name) or {}), **override}
    common = {"configuration_set": configuration_set}
    streams = _STREAMS.validate_python(
        {
            name: {"queue": f"{queue_prefix}-{name}", **common, **chosen, "name": name}
            for name, chosen in merged.items()
            if chosen is not None
        }
    )
    _check_queues(streams, events_queue)
    return streams


def _check_queues(streams: dict[str, Stream], events_queue: str) -> None:
    users = {events_queue: "the events queue"}
    for stream in streams.values():
        mine = f"the queue of stream {stream.name!r}"
        other = users.setdefault(stream.queue, mine)
        if other != mine:
            raise ConfigurationError(
                f"The queue {stream.queue} would be two things at once: {other} and {mine}. "
                "Give each a queue of its own in MAILSLUICE_STREAMS or MAILSLUICE_EVENTS_QUEUE."
            )
