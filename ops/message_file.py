"""Messages from a file of JSON, in the shape of the contract with some comforts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from config.errors import ConfigurationError
from mailsluice import Message, MessageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHOWN_PROBLEMS = 20
_LISTS = ("to", "cc", "bcc", "reply_to")


@dataclass(frozen=True)
class Item:
    """One JSON value of the file and where it stands: "line 3" or "message 3"."""

    place: str
    value: Any


def read_messages(file: IO[str]) -> list[Message]:
    """All messages of a file: one JSON object, an array of them, or one object a line.

    All or none: nothing of a file with a mistake is sent.

    Raises:
        ConfigurationError: naming what is wrong, and in which line or message.
    """
    messages: list[Message] = []
    problems: list[str] = []
    try:
        for item in _items(file):
            _take(item, messages, problems)
    except UnicodeDecodeError:
        raise ConfigurationError("The file is not UTF-8.") from None
    if problems:
        raise ConfigurationError(_told(problems))
    if not messages:
        raise ConfigurationError("There is no message in the file.")
    return messages


def _take(item: Item, messages: list[Message], problems: list[str]) -> None:
    try:
        messages.append(_message(item))
    except MessageError as error:
        problems += [f"{item.place}: {problem}" for problem in error.problems]


def _message(item: Item) -> Message:
    value = item.value
    if not isinstance(value, dict):
        raise ConfigurationError(f"{item.place}: a message is a JSON object.")
    fields = dict(value)
    for name in _LISTS:
        if isinstance(fields.get(name), str):
            fields[name] = [fields[name]]
    if fields.get("idempotency_key") is None:
        fields.setdefault("id", str(uuid4()))
    return Message.from_wire(fields)


def _items(file: IO[str]) -> Iterator[Item]:
    lines = enumerate(file, start=1)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        return
    number, line = first
    try:
        value = json.loads(line)
    except ValueError:
        # The document goes on: it is one value over many lines.
        yield from _document(chain([line], (rest for _number, rest in lines)), number)
        return
    if isinstance(value, list):
        yield from _array(value)
        return
    yield Item(f"line {number}", value)
    for number, line in lines:
        if line.strip():
            yield Item(f"line {number}", _parsed(line, number))


def _document(lines: Iterable[str], first: int) -> Iterator[Item]:
    value = _parsed("".join(lines), first)
    if isinstance(value, list):
        yield from _array(value)
    else:
        yield Item("message", value)


def _array(values: list[Any]) -> Iterator[Item]:
    for number, value in enumerate(values, start=1):
        yield Item(f"message {number}", value)


def _parsed(text: str, line: int) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"line {line + error.lineno - 1}: not JSON: {error.msg} (column {error.colno})."
        ) from None


def _told(problems: list[str]) -> str:
    shown = problems[:SHOWN_PROBLEMS]
    more = len(problems) - len(shown)
    end = [f"and {more} more"] if more else []
    return "Nothing was sent:\n" + "\n".join(f"  {line}" for line in [*shown, *end])
