"""The SQS body of a job: a Celery message, protocol 2, of the smallest kind a worker accepts."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mailsluice.bulk import BulkJob
from mailsluice.errors import EnvelopeError, MessageError, Problem, UnsupportedVersion
from mailsluice.mailing import VERSION
from mailsluice.message import Message

if TYPE_CHECKING:
    from uuid import UUID

DELIVER: Final = "mailsluice.deliver"
DELIVER_BULK: Final = "mailsluice.deliver_bulk"

# SQS developer guide, message quotas. Also the bound of a whole batch.
MAX_SQS_BYTES: Final = 1_048_576

# SQS API reference, SendMessage: of what JSON leaves unescaped, SQS takes all but these.
_NOT_TAKEN_RAW: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a queue holds: the task to run, its id, and the job, not yet parsed."""

    task: str
    id: str
    job: dict[str, Any]


def envelope(message: Message, queue_name: str) -> str:
    """The SQS body that carries a message, ASCII throughout.

    Raises:
        MessageError: it is larger than SQS takes.
    """
    body = envelope_for(DELIVER, message.to_wire(), message.id, queue_name)
    if len(body) > MAX_SQS_BYTES:
        raise MessageError([_too_large(message, len(body))])
    return body


def envelope_for(
    task: str,
    job: Mapping[str, Any],
    job_id: UUID | str,
    queue_name: str,
    *,
    ascii_only: bool = True,
) -> str:
    """The SQS body that carries any job of any task, ASCII throughout.

    With `ascii_only` off letters beyond ASCII stay as they are, but for the few that SQS does not
    take: an escape is six bytes, where UTF-8 needs two or three.

    Celery's reprs of the arguments are empty: they would show addresses in logs.
    """
    arguments = [[job], {}, {}]
    text = json.dumps(
        {
            # Not ASCII here, or every escape would be escaped once more below.
            "body": json.dumps(arguments, ensure_ascii=False, separators=(",", ":")),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {"task": task, "id": str(job_id), "argsrepr": "", "kwargsrepr": ""},
            "properties": {
                "delivery_info": {"exchange": "", "routing_key": queue_name},
                "delivery_tag": str(job_id),
            },
        },
        ensure_ascii=ascii_only,
        separators=(",", ":"),
    )
    return text if ascii_only else _NOT_TAKEN_RAW.sub(_escape, text)


def decode(body: str) -> Envelope:
    """Open an SQS body, as this module or any Celery producer wrote it, base64 or not.

    Raises:
        EnvelopeError: it is not a Celery message that carries one job as its only argument.
    """
    outer = _object(_json(_unwrapped(body), "the SQS body"), "the SQS body")
    headers = _object(outer.get("headers"), "headers")
    properties = _object(outer.get("properties"), "properties")
    if outer.get("content-type") != "application/json":
        raise _not_an_envelope("content-type must be application/json")
    task, task_id = headers.get("task"), headers.get("id")
    if not isinstance(task, str) or not isinstance(task_id, str):
        raise _not_an_envelope("headers.task and headers.id must both be text")
    return Envelope(task=task, id=task_id, job=_job(outer.get("body"), properties))


def parse_job(job: object) -> Message:
    """The message in a job of task `mailsluice.deliver`.

    Raises:
        UnsupportedVersion: it speaks a newer version of the contract than this code.
        MessageError: it is not a message that could be sent.
    """
    _check_version(job)
    return Message.from_wire(job)


def parse_bulk_job(job: object) -> BulkJob:
    """The messages in a job of task `mailsluice.deliver_bulk`; raises like `parse_job`."""
    _check_version(job)
    return BulkJob.from_wire(job)


def _check_version(job: object) -> None:
    version = job.get("version") if isinstance(job, Mapping) else None
    if isinstance(version, int) and version > VERSION:
        reason = f"is {version}; only {VERSION} is understood here: upgrade, then redrive the job"
        raise UnsupportedVersion([Problem(("version",), reason, reason)])


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"


def _too_large(message: Message, size_bytes: int) -> Problem:
    files_bytes = sum(len(attachment.content or b"") for attachment in message.attachments)
    advice = (
        f" (its attachments are {files_bytes:,} bytes): link to the files" if files_bytes else ""
    )
    reason = f"the message is {size_bytes:,} bytes as a job; SQS takes {MAX_SQS_BYTES:,}{advice}"
    return Problem((), reason, reason)


def _not_an_envelope(reason: str) -> EnvelopeError:
    return EnvelopeError([Problem((), reason, reason)])


def _unwrapped(body: str) -> str:
    return body if body.lstrip().startswith("{") else _from_base64(body, "the SQS body")


def _from_base64(text: str, what: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _not_an_envelope(f"{what} is neither JSON nor base64 of it") from None


def _json(text: str, what: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _not_an_envelope(f"{what} is not JSON") from None


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _not_an_envelope(f"{what} must be an object")
    return value


def _job(body: object, properties: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(body, str):
        raise _not_an_envelope("body must be text that holds JSON")
    encoded = properties.get("body_encoding") == "base64"
    arguments = _json(_from_base64(body, "body") if encoded else body, "body")
    match arguments:
        case [[dict() as job], {} | None as options, _] if not options:
            return job
    raise _not_an_envelope("body must hold [[job], {}, {}], the job being an object")
