"""What all tables share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from db.states import MessageState, RecipientState


class Base(DeclarativeBase):
    """Common types. JSON is kept as text, for JSONB refuses what the world sends (U+0000)."""

    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own interface
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSON,
        str: Text,
    }


def one_of(column: str, values: type[MessageState | RecipientState], name: str) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=name)


now = func.now()
