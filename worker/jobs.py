"""From what lies on a queue to a job that can be delivered, or to the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mailsluice import MessageError, parse_job
from worker.ses.request import UnsupportedContentError, check_supported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.streams import Stream
    from mailsluice import Message


@dataclass(frozen=True)
class Job:
    """A message as it came from a queue: understood, and as its producer wrote it."""

    message: Message
    payload: Mapping[str, Any]
    stream: Stream
    enqueued_at: datetime | None


class JobRefusedError(Exception):
    """The job cannot be delivered as it is. The text is the reason and holds no address."""


def understand(
    payload: object, streams: Mapping[str, Stream], *, sent_at_epoch_seconds: float
) -> Job:
    """Parse a job of task `mailsluice.deliver`.

    Raises:
        JobRefusedError: it is malformed, of a newer version, or of a stream nobody configured.
    """
    try:
        message = parse_job(payload)
        check_supported(message)
    except MessageError as error:
        raise JobRefusedError(error.redacted) from None
    except UnsupportedContentError as error:
        raise JobRefusedError(str(error)) from None
    except Exception as error:  # noqa: BLE001  even what makes the parser fail is kept with a reason
        raise JobRefusedError(f"the job cannot be read ({type(error).__name__})") from None
    stream = streams.get(message.stream)
    if stream is None:
        raise JobRefusedError(
            f"stream: {message.stream!r} is not one of this installation's streams "
            f"({', '.join(sorted(streams))}); correct it, or add it to MAILSLUICE_STREAMS"
        )
    return Job(
        message=message,
        payload=payload,  # type: ignore[arg-type]  # parsed, so it is a JSON object
        stream=stream,
        enqueued_at=_moment(sent_at_epoch_seconds),
    )


def _moment(epoch_seconds: float) -> datetime | None:
    return datetime.fromtimestamp(epoch_seconds, UTC) if epoch_seconds > 0 else None
