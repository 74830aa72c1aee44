"""Changes settings by name, refusing names and types that do not exist."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def apply(settings: DataclassInstance, values: dict[str, Any]) -> None:
    """Set attributes of a settings object from JSON values, all of them or none.

    Raises:
        ValueError: A name is unknown, or a value is not one that the setting takes.
    """
    hints = get_type_hints(type(settings))
    known = [field.name for field in fields(settings) if field.init]
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"There is no setting {name!r}; there are {', '.join(known)}.")
        present = getattr(settings, name)
        if not _same_kind(value, present):
            raise ValueError(
                f"{name} takes a {type(present).__name__}, not a {type(value).__name__}."
            )
        if get_origin(hints[name]) is Literal and value not in get_args(hints[name]):
            raise ValueError(f"{name} is one of {', '.join(get_args(hints[name]))}.")
    for name, value in values.items():
        kind = type(getattr(settings, name))
        setattr(settings, name, float(value) if kind is float else value)


def _same_kind(value: object, present: object) -> bool:
    if isinstance(present, bool) or isinstance(value, bool):
        return isinstance(present, bool) and isinstance(value, bool)
    if isinstance(present, float):
        return isinstance(value, int | float)
    return isinstance(value, type(present))
