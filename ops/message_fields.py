"""A message from the options of `mailsluice send`, and its problems in the words of the options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from config.errors import ConfigurationError
from mailsluice import Attachment, Message, MessageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_OPTIONS = {"from_": "--from", "tags": "--tag", "headers": "--header", "attachments": "--attach"}


def message_from(fields: dict[str, Any]) -> Message:
    """The message, checked.

    Raises:
        ConfigurationError: it cannot be sent; each line names an option and what is wrong.
    """
    try:
        return Message(**fields)
    except MessageError as error:
        lines = [_in_options(problem.path, problem.says) for problem in error.problems]
        raise ConfigurationError(_list("The message cannot be sent", lines)) from None


def tags_from(texts: Sequence[str]) -> dict[str, str]:
    """The tags of `NAME=VALUE` texts."""
    return _pairs("--tag", texts, "=", "NAME=VALUE")


def headers_from(texts: Sequence[str]) -> dict[str, str]:
    """The header fields of `Name: value` texts."""
    return _pairs("--header", texts, ":", "'Name: value'")


def data_from(text: str) -> dict[str, Any]:
    """The template data of a JSON object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--data is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ConfigurationError('--data must be a JSON object, such as {"name": "Ada"}.')
    return found


def attachments_from(paths: Sequence[Path]) -> list[Attachment]:
    """The files, as attachments under their own names."""
    return [_attachment(path) for path in paths]


def _attachment(path: Path) -> Attachment:
    try:
        return Attachment(filename=path.name, content=path.read_bytes())
    except MessageError as error:
        reasons = [problem.says for problem in error.problems]
        raise ConfigurationError(f"--attach {path}: {'; '.join(reasons)}.") from None


def _pairs(option: str, texts: Sequence[str], separator: str, form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, found, value = text.partition(separator)
        if not found or not name.strip():
            raise ConfigurationError(f"{option} {text!r} is not of the form {form}.")
        if name.strip() in pairs:
            raise ConfigurationError(f"{option} {name.strip()!r} is given twice.")
        pairs[name.strip()] = value.strip()
    return pairs


def _in_options(path: tuple[str | int, ...], says: str) -> str:
    if not path:
        return says
    field, rest = str(path[0]), path[1:]
    option = _OPTIONS.get(field, "--" + field.replace("_", "-"))
    # An index counts repeated options; what is said quotes the value itself.
    names = [f" {part}" for part in rest if isinstance(part, str)]
    return f"{option}{''.join(names)}: {says}"


def _list(title: str, lines: Iterable[str]) -> str:
    return f"{title}:\n" + "\n".join(f"  {line}" for line in lines)
