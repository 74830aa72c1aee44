"""Puts what pydantic found into the words of whoever made the message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from mailsluice.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_SHOWN_CHARACTERS = 80

# Names of pydantic's errors: https://docs.pydantic.dev/latest/errors/validation_errors/
_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of version 1 of the contract",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must not be negative",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object of names and values",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def refusal(reason: str, *, value: str | None = None, detail: str = "") -> PydanticCustomError:
    """An error for a validator to raise.

    `reason` continues the field's name ("must be ...") and quotes nothing; `value` and `detail`
    are shown to the author of the message only.
    """
    shown = "" if value is None else f"{_quoted(value)} "
    return PydanticCustomError(
        "refused", "{reason}", {"says": f"{shown}{reason}{detail}", "reason": reason}
    )


def refusals(problems: Iterable[tuple[str, str]]) -> PydanticCustomError:
    """Several (name, reason) at once; the names lie below the field being validated."""
    found = [Problem((name,) if name else (), reason, reason) for name, reason in problems]
    return PydanticCustomError("refused", "{problems}", {"problems": found})


def problems_of(
    invalid: ValidationError, renamed: Mapping[tuple[str | int, ...], tuple[str | int, ...]]
) -> Iterator[Problem]:
    """Every problem that pydantic found, each once.

    `renamed` leads from the beginning of a path on the wire to what the caller calls it.
    """
    for error in invalid.errors(include_url=False, include_input=False):
        # Only says that another field, reported by itself, was wrong.
        if error["type"] == "default_factory_not_called":
            continue
        for problem in _problems(error):
            yield replace(problem, path=_in_callers_words(problem.path, renamed))


def _problems(error: ErrorDetails) -> Iterator[Problem]:
    context: dict[str, Any] = error.get("ctx", {})
    if "problems" in context:
        for inner in context["problems"]:
            yield replace(inner, path=error["loc"] + inner.path)
    elif "says" in context:
        yield Problem(error["loc"], context["says"], context["reason"])
    else:
        reason = _REASONS.get(error["type"], f"is not valid ({error['type']})")
        yield Problem(error["loc"], reason, reason)


def _in_callers_words(
    path: tuple[str | int, ...],
    renamed: Mapping[tuple[str | int, ...], tuple[str | int, ...]],
) -> tuple[str | int, ...]:
    for length in range(len(path), 0, -1):
        if path[:length] in renamed:
            return renamed[path[:length]] + path[length:]
    return path


def _quoted(value: str) -> str:
    shown = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
    return json.dumps(shown, ensure_ascii=False)
