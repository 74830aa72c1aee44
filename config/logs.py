"""Structured logs: one JSON object a line, and no address in any of them."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from config.settings import Settings

REDACTED = "[address]"

# An @ as it is, or percent-encoded once or more often.
_AT = r"(?:@|%(?:25)*40)"
_CHARACTER = r"[^\s\"'<>,;:()\[\]{}]"

# Wider than RFC 5322 on purpose: what merely looks like an address is taken out too. Whole words
# are matched, whatever is in them, and looked into afterwards: to look for word, @ and word would
# take time quadratic in the length of a text. The bound on a quoted local part (RFC 5321 has 64
# characters) keeps a text full of quotes linear; the \\? before its end is for quotes within JSON.
_QUOTED = rf"\\?\"(?:[^\"\\]|\\.){{1,64}}?\\?\"{_AT}{_CHARACTER}*"
_WORD = rf"{_CHARACTER}+(?:'{_CHARACTER}+)*"
_QUOTED_OR_WORD = re.compile(rf"(?P<quoted>{_QUOTED})|{_WORD}")
_ANY_AT = re.compile(_AT)
# "14 @ 5", and a decorator in a traceback.
_NO_ADDRESS = re.compile(r"@[\w.]*")

_PLAIN = (bool, int, float, type(None))

_QUIET_LOGGERS = ("botocore", "boto3", "urllib3", "s3transfer", "celery", "kombu")


def redact(text: str) -> str:
    """The text with everything that looks like an e-mail address replaced."""
    return _QUOTED_OR_WORD.sub(_without_address, text) if _ANY_AT.search(text) else text


def _without_address(found: re.Match[str]) -> str:
    word = found[0]
    if found["quoted"]:
        return REDACTED
    if not _ANY_AT.search(word) or _NO_ADDRESS.fullmatch(word):
        return word
    return REDACTED


def configure_logs(settings: Settings, process: str) -> None:
    """Send structlog's and the standard library's records to stdout in one format.

    `process` (worker, scheduler, events, …) is bound to every line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    _replace_root_handler(_formatter(settings, shared), settings.log_level)


def _formatter(settings: Settings, shared: list[Processor]) -> logging.Formatter:
    console = settings.log_format == "console"
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redacting,
            renderer,
        ],
    )


def _replace_root_handler(formatter: logging.Formatter, level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _naming(process: str) -> Processor:
    def add_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add_process


def _redacting(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last door: libraries log what they like, and some of it holds addresses."""
    return {redact(key): _redacted(value) for key, value in event.items()}


def _redacted(value: Any) -> Any:  # noqa: ANN401  a log value is anything
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {_redacted_key(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_redacted(item) for item in value]
    return value if isinstance(value, _PLAIN) else redact(str(value))


def _redacted_key(key: object) -> object:
    return key if isinstance(key, _PLAIN) else redact(str(key))
