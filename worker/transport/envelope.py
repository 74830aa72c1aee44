"""The door: an SQS body becomes a Celery task message, or is refused with a reason.

Celery acknowledges some malformed messages, which deletes them, and dies of others. So nothing
reaches it here that was not parsed into exactly what it needs. Its message protocol, version 2:
https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

from celery.utils.time import maybe_iso8601, maybe_make_aware

from worker.transport.hidden import HIDDEN, HiddenDict, HiddenList, HiddenText

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

CONTENT_TYPE = "application/json"
ID_CHARACTERS_AT_MOST = 255
#: What clocks may differ by: a task retried at once has an eta of its sender's present.
ETA_AHEAD_AT_MOST_SECONDS = 10

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w.]{0,119}", re.ASCII)
# A task's body: positional arguments, keyword arguments, canvas.
_PARTS = 3
_CANVAS = ("callbacks", "errbacks", "chain", "chord")

Payload = tuple[list[Any], dict[str, Any], dict[str, Any]]


class RefusedError(Exception):
    """The body is not a task message that may be run. The text says why and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A task message: Celery's headers, the arguments parsed, and their JSON text."""

    headers: dict[str, Any]
    payload: Payload
    body: HiddenText
    correlation_id: str
    priority: int | None


def open_envelope(text: str, known_tasks: AbstractSet[str] | None) -> Envelope:
    """Parse the body of an SQS message.

    Raises:
        RefusedError: it is not a protocol-2 message in JSON for one of `known_tasks`.
    """
    outer = _json_object(_plain_text(text))
    headers = _headers(_object(outer, "headers"), known_tasks)
    properties = _object(outer, "properties")
    if "delivery_info" in properties:
        _object(properties, "delivery_info")
    _check_content(outer)
    body = _inner_text(outer.get("body"), properties.get("body_encoding"))
    correlation_id, priority = properties.get("correlation_id"), properties.get("priority")
    return Envelope(
        headers=headers,
        payload=_payload(body),
        body=HiddenText(body),
        correlation_id=correlation_id if isinstance(correlation_id, str) else headers["id"],
        priority=priority if _is_count(priority) else None,
    )


def _plain_text(text: str) -> str:
    """Kombu's own producers wrap the JSON text in base64; others send it as it is."""
    if text.lstrip()[:1] == "{":
        return text
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise RefusedError("The body is neither a JSON object nor base64 of one.") from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        raise RefusedError("The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise RefusedError("The body is JSON, but not an object.")
    return value


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise RefusedError(f"This is not a Celery task message: it has no object {name!r}.")
    return value


def _headers(headers: dict[str, Any], known_tasks: AbstractSet[str] | None) -> dict[str, Any]:
    """What Celery reads, and no more: any other header would become an attribute of the request."""
    if headers.get("compression"):
        raise RefusedError("The body is compressed; send it plain.")
    _check_times(headers)
    return {
        "lang": "py",
        "task": _task(headers.get("task"), known_tasks),
        "id": _id(headers.get("id")),
        "root_id": _optional_text(headers, "root_id"),
        "parent_id": _optional_text(headers, "parent_id"),
        "group": _optional_text(headers, "group"),
        "retries": _retries(headers.get("retries")),
        "timelimit": _time_limits(headers.get("timelimit")),
        # A producer's own summaries quote the arguments, and Celery logs them.
        "argsrepr": HIDDEN,
        "kwargsrepr": HIDDEN,
    }


def _task(name: object, known_tasks: AbstractSet[str] | None) -> str:
    if not isinstance(name, str) or not name:
        raise RefusedError("The header 'task' does not name a task.")
    if known_tasks is not None and name not in known_tasks:
        quoted = f" {name!r}" if _PLAIN_NAME.fullmatch(name) else ""
        raise RefusedError(f"The task{quoted} is not known here.")
    return name


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= ID_CHARACTERS_AT_MOST:
        raise RefusedError("The header 'id' is not a text of 1 to 255 characters.")
    if not value.isprintable():
        raise RefusedError("The header 'id' has characters that cannot be printed.")
    return value


def _optional_text(headers: dict[str, Any], name: str) -> str | None:
    value = headers.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(f"The header {name!r} is not a text.")
    return value


def _check_times(headers: dict[str, Any]) -> None:
    """Neither time is passed on: the task runs now, or the message is refused.

    Celery waits for an eta in memory, where a waiting message takes the place of one that could
    run; and what has expired it deletes, so that nobody would ever know.
    """
    if headers.get("expires"):
        raise RefusedError("The header 'expires' would have the message deleted unseen.")
    eta = headers.get("eta")
    if eta and _seconds_until(eta) > ETA_AHEAD_AT_MOST_SECONDS:
        raise RefusedError("The header 'eta' lies ahead; messages do not wait inside a worker.")


def _seconds_until(eta: object) -> float:
    try:
        moment: datetime = maybe_make_aware(maybe_iso8601(eta))
        return moment.timestamp() - time()
    except (ValueError, OverflowError, TypeError, AttributeError):
        raise RefusedError("The header 'eta' is not a time in ISO 8601.") from None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _retries(value: object) -> int:
    if value is None:
        return 0
    if not _is_count(value):
        raise RefusedError("The header 'retries' is not a count.")
    return value


def _time_limits(value: object) -> tuple[float | None, float | None]:
    if value is None:
        return (None, None)
    match value:
        case [hard, soft] if _is_time_limit(hard) and _is_time_limit(soft):
            return (hard, soft)
    raise RefusedError("The header 'timelimit' is not a pair of seconds.")


def _is_time_limit(value: object) -> TypeGuard[float | None]:
    return value is None or (isinstance(value, float) and value >= 0) or _is_count(value)


def _check_content(outer: dict[str, Any]) -> None:
    if outer.get("content-type") != CONTENT_TYPE:
        raise RefusedError(f"The content type is not {CONTENT_TYPE}.")
    encoding = outer.get("content-encoding")
    if encoding is not None and encoding not in ("utf-8", "UTF-8", "utf8"):
        raise RefusedError("The content encoding is not utf-8.")


def _inner_text(body: object, body_encoding: object) -> str:
    if not isinstance(body, str):
        raise RefusedError("The task's body is not a text.")
    if body_encoding in (None, "utf-8", "UTF-8"):
        return body
    if body_encoding != "base64":
        raise RefusedError("The body encoding is neither base64 nor utf-8.")
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        raise RefusedError("The task's body is not base64 of a UTF-8 text.") from None


def _payload(body: str) -> Payload:
    try:
        value = _decode(body)
    except (ValueError, RecursionError):
        raise RefusedError("The task's body is not valid JSON.") from None
    if not isinstance(value, list) or len(value) != _PARTS:
        raise RefusedError("The task's body is not a list of three.")
    args, kwargs, embed = value
    if not isinstance(args, list):
        raise RefusedError("The task's positional arguments are not a list.")
    if not isinstance(kwargs, dict):
        raise RefusedError("The task's keyword arguments are not an object.")
    if embed is not None and not isinstance(embed, dict):
        raise RefusedError("The third part of the task's body is not an object.")
    if embed and any(embed.get(name) for name in _CANVAS):
        raise RefusedError("Callbacks, chains and chords are not carried by this transport.")
    return (HiddenList(args), HiddenDict(kwargs), {})
