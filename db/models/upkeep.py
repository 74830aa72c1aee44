"""What the scheduler notes of its duties."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class SchedulerDuty(Base):
    """Who does a duty of the scheduler now, and when it was last begun."""

    __tablename__ = "scheduler_duties"

    name: Mapped[str] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class RetentionMark(Base):
    """Up to which moment the contents of a table have been emptied."""

    __tablename__ = "retention_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    done_until: Mapped[datetime]
