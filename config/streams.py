"""Streams: the classes of mail, each with its own queue, configuration set and policies."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

STREAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def _check_stream_name(name: str) -> str:
    if not STREAM_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no stream name: use up to 40 lower-case letters, digits, '-' and '_', "
            "beginning with a letter or digit"
        )
    return name


StreamName = Annotated[str, AfterValidator(_check_stream_name)]


class Stream(BaseModel):
    """One class of mail.

    `priority` says who goes first when the account's rate is short, and `share` (0 to 1) what part
    of the rate the stream gets even then. `unknown_policy` says what becomes of a message of which
    nobody can know whether SES took it when no events are configured: `resend` it, or `hold` it
    for a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StreamName
    queue: str
    configuration_set: str | None = None
    max_attempts: int = Field(default=8, ge=1, le=100)
    unknown_policy: Literal["resend", "hold"] = "hold"
    priority: Literal["high", "normal", "low"] = "normal"
    share: float = Field(default=0.1, gt=0, le=1)


DEFAULT_STREAMS: dict[str, dict[str, Any]] = {
    "transactional": {"unknown_policy": "resend", "priority": "high", "share": 0.3},
    "notifications": {"share": 0.2},
    "marketing": {"priority": "low"},
}


def build_streams(
    overrides: dict[str, dict[str, Any] | None],
    *,
    queue_prefix: str,
    configuration_set: str | None,
) -> dict[str, Stream]:
    """The streams of this installation: the default three, changed and extended by `overrides`.

    An override of `None` removes a stream. A stream's queue is `{queue_prefix}-{name}` unless it
    names its own.

    Raises:
        pydantic.ValidationError: an override has an unknown key or a value out of range.
    """
    merged: dict[str, dict[str, Any] | None] = {**DEFAULT_STREAMS}
    for name, override in overrides.items():
        merged[name] = None if override is None else {**(merged.get(name) or {}), **override}
    common = {"configuration_set": configuration_set}
    return {
        name: Stream.model_validate(
            {"queue": f"{queue_prefix}-{name}", **common, **chosen, "name": name}
        )
        for name, chosen in merged.items()
        if chosen is not None
    }
