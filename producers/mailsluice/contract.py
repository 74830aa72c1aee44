"""What all parts of the contract have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from mailsluice.errors import MessageError
from mailsluice.problems import problems_of

_ON_THE_WIRE: Final = {"wire": True}

# What a keyword argument is called on the wire, and what its caller calls it.
_KEYWORDS: Final[dict[tuple[str | int, ...], tuple[str | int, ...]]] = {
    ("from",): ("from_",),
    ("template", "name"): ("template",),
    ("template", "data"): ("data",),
}


class Contract(BaseModel):
    """A part of a job, checked when it is made and never changed afterwards.

    On the wire only the exact shapes of the JSON Schema are taken. In Python some are more
    comfortable: one address for a list of one, bytes for base64, a template's name and its data.

    Raises:
        MessageError: made with values that could not be sent; it names all of them.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    # Fields that a repr may show. All others may hold an address, a subject or a body.
    shown: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, /, **fields: Any) -> None:  # noqa: ANN401  any field, checked by pydantic
        __tracebackhide__ = True
        try:
            super().__init__(**fields)
        except ValidationError as invalid:
            raise MessageError(problems_of(invalid, _KEYWORDS)) from None

    # Without this mark pydantic would call __init__ for what it parses, losing the context that
    # tells the wire from Python.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _none_is_absent(cls, value: object, info: ValidationInfo) -> object:
        if is_wire(info) or not isinstance(value, Mapping):
            return value
        return {name: given for name, given in value.items() if given is not None}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Make one from a mapping of its arguments; raises like the constructor."""
        try:
            return cls.model_validate(fields)
        except ValidationError as invalid:
            raise MessageError(problems_of(invalid, _KEYWORDS)) from None

    @classmethod
    def from_wire(cls, value: object) -> Self:
        """Parse what came as JSON.

        Raises:
            MessageError: it is not of the shape that the JSON Schema describes.
        """
        try:
            return cls.model_validate(value, context=_ON_THE_WIRE, by_alias=True, by_name=False)
        except ValidationError as invalid:
            raise MessageError(problems_of(invalid, {})) from None

    def to_wire(self) -> dict[str, JsonValue]:
        """The JSON object that `from_wire` takes; what is empty or has its default is left out."""
        dumped = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {name: value for name, value in dumped.items() if value not in ({}, [])}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [
            (name, getattr(self, name)) for name in type(self).model_fields if name in self.shown
        ]


def is_wire(info: ValidationInfo) -> bool:
    """Whether the value being validated came as JSON, rather than from a Python caller."""
    return info.context is _ON_THE_WIRE
