"""What became of the mail of each day and stream, counted from the rows of its recipients.

A recipient of a message is one row, and is counted once: on the day when a worker first took the
message, with what is known of it now. So the counts of a day change until its mail is settled,
and no redelivery and no second bounce of one message can count twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.types import Text

from db.feedback_reports import FIRST_MOMENT
from db.patience import snapshot
from db.states import TAKEN_BY_SES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Engine


@dataclass
class Counts:
    """Recipients by what became of them; each is in one of these. `complaints` were delivered."""

    delivered: int = 0
    complaints: int = 0
    permanent_bounces: int = 0
    transient_bounces: int = 0
    undetermined_bounces: int = 0
    rejected: int = 0
    awaited: int = 0
    suppressed: int = 0
    failed: int = 0
    expired: int = 0
    parked: int = 0
    sending: int = 0
    unknown: int = 0

    @property
    def bounces(self) -> int:
        """Bounces of every type."""
        return self.permanent_bounces + self.transient_bounces + self.undetermined_bounces

    @property
    def sent(self) -> int:
        """All that SES took."""
        return self.delivered + self.complaints + self.bounces + self.rejected + self.awaited

    @property
    def recipients(self) -> int:
        """All there are."""
        return sum(getattr(self, field.name) for field in fields(self))

    def share(self, count: int) -> float | None:
        """What part of the mail that SES took; None where that is none."""
        return count / self.sent if self.sent else None


@dataclass(frozen=True)
class Line:
    """The mail of one day (of UTC) in one stream."""

    day: date
    stream: str
    counts: Counts


@dataclass(frozen=True)
class Stray:
    """Bounces and complaints of a day about mail that is not in the ledger."""

    day: date
    permanent_bounces: int
    transient_bounces: int
    undetermined_bounces: int
    complaints: int


@dataclass(frozen=True)
class Summary:
    """Lines by day and stream, and what belongs to none of them."""

    lines: list[Line]
    strays: list[Stray]


_TAKEN = ", ".join(f"'{state.value}'" for state in sorted(TAKEN_BY_SES))
# Of several bounces of one recipient the most final one counts.
_FINALITY = "array_position(ARRAY['Permanent', 'Transient'], b.bounce_type)"
_BOUNCE_FATE = f"""
CASE (SELECT b.bounce_type FROM email_bounces AS b
    WHERE b.address = r.address AND b.message_id = r.message_id ORDER BY {_FINALITY} LIMIT 1)
    WHEN 'Permanent' THEN 'permanent_bounces'
    WHEN 'Transient' THEN 'transient_bounces'
    ELSE 'undetermined_bounces' END
"""  # noqa: S608  constants

_FATE = f"""
CASE WHEN r.state = 'suppressed' THEN 'suppressed'
    WHEN m.state IN ({_TAKEN}) THEN CASE r.state
        WHEN 'bounced' THEN {_BOUNCE_FATE}
        WHEN 'complained' THEN 'complaints'
        WHEN 'delivered' THEN 'delivered'
        WHEN 'rejected' THEN 'rejected'
        ELSE CASE m.state WHEN 'rejected' THEN 'rejected' ELSE 'awaited' END END
    WHEN m.state IN ('queued', 'parked') THEN 'parked'
    WHEN m.state IN ('unknown', 'held') THEN 'unknown'
    ELSE m.state END
"""

_LINES = text(f"""
SELECT CAST(date_trunc('day', m.created_at, 'UTC') AT TIME ZONE 'UTC' AS date) AS day, m.stream,
    {_FATE} AS fate, count(*) AS total
FROM email_messages AS m JOIN email_recipients AS r ON r.message_id = m.id
WHERE m.created_at >= {FIRST_MOMENT} AND (:stream IS NULL OR m.stream = :stream)
GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2
""").bindparams(bindparam("stream", type_=Text()))  # noqa: S608  constants


def _strays(table: str, at: str, counted: str) -> str:
    return f"""
    SELECT CAST(date_trunc('day', b.{at}, 'UTC') AT TIME ZONE 'UTC' AS date) AS day, {counted}
    FROM {table} AS b
    WHERE b.{at} >= {FIRST_MOMENT} AND NOT EXISTS (
        SELECT FROM email_recipients AS r
        WHERE r.message_id = b.message_id AND r.address = b.address)
    GROUP BY 1
    """  # noqa: S608  constants


_STRAY_BOUNCES = _strays(
    "email_bounces",
    "bounced_at",
    """
    count(*) FILTER (WHERE b.bounce_type = 'Permanent') AS permanent_bounces,
    count(*) FILTER (WHERE b.bounce_type = 'Transient') AS transient_bounces,
    count(*) FILTER (WHERE b.bounce_type NOT IN ('Permanent', 'Transient')) AS undetermined_bounces
    """,
)
_STRAY_COMPLAINTS = _strays("email_complaints", "complained_at", "count(*) AS complaints")

_STRAYS = text(f"""
SELECT day, coalesce(permanent_bounces, 0) AS permanent_bounces,
    coalesce(transient_bounces, 0) AS transient_bounces,
    coalesce(undetermined_bounces, 0) AS undetermined_bounces,
    coalesce(complaints, 0) AS complaints
FROM ({_STRAY_BOUNCES}) AS bounces FULL JOIN ({_STRAY_COMPLAINTS}) AS complained USING (day)
ORDER BY day DESC
""")  # noqa: S608  constants


def summary(engine: Engine, *, days: int, stream: str | None) -> Summary:
    """The mail of the last days, today included, the newest first.

    Strays have no stream: they are told only where none is named.
    """
    with snapshot(engine) as connection:
        lines: dict[tuple[date, str], Counts] = defaultdict(Counts)
        for row in connection.execute(_LINES, {"days": days, "stream": stream}):
            setattr(lines[row.day, row.stream], row.fate, row.total)
        strays = connection.execute(_STRAYS, {"days": days}).mappings() if stream is None else ()
        return Summary(
            [Line(day, name, counts) for (day, name), counts in lines.items()],
            [Stray(**row) for row in strays],
        )


def total(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    held = list(counts)
    return Counts(
        **{field.name: sum(getattr(each, field.name) for each in held) for field in fields(Counts)}
    )
