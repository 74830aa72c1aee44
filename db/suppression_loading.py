"""Entries by the million into the suppression list: by COPY into a table aside, then as sets.

What is on the list is written in short transactions, in the order of the addresses, so that the
consumers of events need never wait long for an address, and nobody deadlocks.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import BigInteger, Text

from db.address_keys import keys_of
from db.address_naming import named
from db.copying import copied_row, copying
from db.patience import be_patient
from db.suppression_strength import EXPIRED, KEEP_THE_STRONGER, longer, wins
from db.suppressions import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Engine, TextClause

    from db.suppressions import Suppression

ROWS_A_TRANSACTION = 10_000
_ROWS_A_WRITE = 500

_INCOMING = text("""
CREATE TEMPORARY TABLE incoming (line bigint GENERATED ALWAYS AS IDENTITY,
    address text COLLATE "C", scope text COLLATE "C", reason text, source text, note text,
    expires_at timestamptz)
""")
_COPY = "COPY incoming (address, scope, reason, source, note, expires_at) FROM STDIN"

# Of what is said about one address the strongest reason and the longest time. What is over already
# is not taken: it would suppress nothing.
_TOLD = """
CREATE TEMPORARY TABLE told AS
SELECT row_number() OVER (ORDER BY address, scope) AS n,
    address, scope, reason, source, note, nullif(longest, 'infinity') AS expires_at,
    CAST(NULL AS timestamptz) AS firm_until
FROM (
    SELECT DISTINCT ON (address, scope) *,
        max(coalesce(expires_at, 'infinity')) OVER (PARTITION BY address, scope) AS longest
    FROM incoming WHERE expires_at IS NULL OR expires_at > now()
    ORDER BY address, scope, array_position(:reasons, reason) DESC,
        coalesce(expires_at, 'infinity') DESC, line
) AS strongest
"""

_ADDRESSES = text("SELECT n, address FROM told WHERE n > :after AND n <= :until")
_RENAME = text("""
UPDATE told SET address = new.name FROM unnest(:ns, :names) AS new (n, name) WHERE told.n = new.n
""").bindparams(bindparam("ns", type_=ARRAY(BigInteger())), bindparam("names", type_=ARRAY(Text())))

# An address and its own digest are one entry: the stronger reason, and the longer time.
_MERGE_TWINS = text("""
WITH twins AS (
    SELECT n, row_number() OVER (PARTITION BY address, scope
            ORDER BY array_position(:reasons, reason) DESC,
                coalesce(expires_at, 'infinity') DESC, n) AS place,
        max(coalesce(expires_at, 'infinity')) OVER (PARTITION BY address, scope) AS longest
    FROM told WHERE n > :after AND n <= :until
), kept AS (
    UPDATE told SET expires_at = nullif(twins.longest, 'infinity')
    FROM twins WHERE told.n = twins.n AND twins.place = 1
        AND coalesce(told.expires_at, 'infinity') <> twins.longest
)
DELETE FROM told USING twins WHERE told.n = twins.n AND twins.place > 1
""").bindparams(bindparam("reasons", list(REASONS), type_=ARRAY(Text())))

_COUNTS = text("""
SELECT (SELECT count(*) FROM incoming) AS taken, (SELECT count(*) FROM told) AS told,
    (SELECT count(*) FROM incoming WHERE expires_at <= now()) AS expired
""")

_VERDICT = f"""
CASE WHEN s.address IS NULL OR {EXPIRED} THEN 'new'
    WHEN s.reason = told.reason AND s.expires_at IS NOT DISTINCT FROM told.expires_at THEN 'same'
    WHEN {wins("told")} OR {longer("told")} THEN 'stricter'
    ELSE 'kept' END
"""

_PART = f"""
SELECT told.*, {_VERDICT} AS verdict
FROM told LEFT JOIN LATERAL (
    SELECT * FROM email_suppressions AS held
    WHERE held.address = told.address COLLATE "default"
        AND held.scope = told.scope COLLATE "default" OFFSET 0
) AS s ON true
WHERE n > :after AND n <= :until
"""  # noqa: S608  constants

# One by one through the key: a plan that reads the whole list would do so for each part.
# Whoever suppresses an address more strictly at the same moment has the last word.
_MERGE = f"""
WITH part AS MATERIALIZED ({_PART}), changed AS (
    INSERT INTO email_suppressions AS s
        (address, scope, reason, source, note, message_id, feedback_id, expires_at)
    SELECT address, scope, reason, source, note, NULL::uuid, NULL, expires_at
    FROM part WHERE verdict IN ('new', 'stricter') ORDER BY address, scope
    {KEEP_THE_STRONGER}
), noted AS (
    INSERT INTO email_suppression_changes
        (address, scope, action, reason, source, by, note, entry_reason, entry_expires_at)
    SELECT address, scope, CASE WHEN changed.is_new THEN 'added' ELSE 'changed' END,
        part.reason, part.source, :by, part.note, changed.reason, changed.expires_at
    FROM part JOIN changed USING (address, scope) ORDER BY n
)
SELECT CASE WHEN verdict = 'same' OR changed.address IS NOT NULL THEN verdict ELSE 'kept' END
    AS verdict, count(*) AS total
FROM part LEFT JOIN changed USING (address, scope) GROUP BY 1
"""  # noqa: S608  constants

_COMPARE = f"SELECT verdict, count(*) AS total FROM ({_PART}) AS part GROUP BY 1"  # noqa: S608  constants


def _with_reasons(sql: str) -> TextClause:
    return text(sql).bindparams(bindparam("reasons", list(REASONS), type_=ARRAY(Text())))


@dataclass
class Verdicts:
    """What becomes of entries, in numbers.

    `new`: nothing in force was on the list for the address and scope; `stricter`: the reason
    becomes stronger, or the time longer; `same`: it was on the list just so; `kept`: what is on
    the list is stronger, and stays; `expired`: its time is over; `repeated`: said before, and
    taken together with that.
    """

    new: int = 0
    stricter: int = 0
    same: int = 0
    kept: int = 0
    expired: int = 0
    repeated: int = 0

    @property
    def changes(self) -> int:
        """How many entries are added or changed."""
        return self.new + self.stricter

    def add(self, other: Verdicts) -> None:
        """Count those of another part as well."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class Loading:
    """Entries that were told, and are not on the list yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._told = 0

    @property
    def told(self) -> int:
        """How many entries are to be merged."""
        return self._told

    def take(self, entries: Iterable[Suppression]) -> Verdicts:
        """Put entries aside, however many; answers those that need no merging."""
        with self._connection.begin():
            be_patient(self._connection)
            self._connection.execute(_INCOMING)
            with copying(self._connection, _COPY) as copied:
                for rows in _written(entries):
                    copied.write(rows)
            return self._arrange()

    def _arrange(self) -> Verdicts:
        self._connection.execute(text("SET LOCAL work_mem = '64MB'"))
        self._connection.execute(_with_reasons(_TOLD))
        self._connection.execute(text("ALTER TABLE told ADD PRIMARY KEY (n)"))
        counts = self._connection.execute(_COUNTS).one()
        self._connection.execute(text("DROP TABLE incoming"))
        self._connection.execute(text("ANALYZE told"))
        self._told = counts.told
        repeated = counts.taken - counts.expired - counts.told
        return Verdicts(expired=counts.expired, repeated=repeated)

    def compare(self) -> Iterator[tuple[int, Verdicts]]:
        """What a merge would do now: for each part how many it held, and the verdicts."""
        return self._parts(_COMPARE, {}, is_for_good=False)

    def merge(self, *, by: str) -> Iterator[tuple[int, Verdicts]]:
        """Put them on the list, with a line of history for each change; each part is a transaction.

        `by` is who wants it so. To merge the same again changes nothing.
        """
        return self._parts(_MERGE, {"by": by})

    def _parts(
        self, sql: str, terms: dict[str, str], *, is_for_good: bool = True
    ) -> Iterator[tuple[int, Verdicts]]:
        statement = _with_reasons(sql)
        for after in range(0, self._told, ROWS_A_TRANSACTION):
            until = min(after + ROWS_A_TRANSACTION, self._told)
            part = {"after": after, "until": until}
            with self._connection.begin() as transaction:
                be_patient(self._connection)
                self._rename(part)
                rows = self._connection.execute(statement, {**part, **terms})
                verdicts = Verdicts(**{row.verdict: row.total for row in rows})
                if not is_for_good:
                    transaction.rollback()
            yield until - after, verdicts

    def _rename(self, part: dict[str, int]) -> None:
        """From now on by the names that the list has for the addresses."""
        has_keys = bool(keys_of(self._connection).keys)
        rows = self._connection.execute(_ADDRESSES, part).all() if has_keys else []
        names = named(self._connection, (row.address for row in rows))
        if names.names:
            terms = {
                "ns": [row.n for row in rows],
                "names": [names.of(row.address) for row in rows],
            }
            self._connection.execute(_RENAME, terms)
            self._connection.execute(_MERGE_TWINS, part)


@contextmanager
def loading(engine: Engine) -> Iterator[Loading]:
    """A connection of its own, whose tables go when it does.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away; parts that were merged stay.
    """
    with engine.connect() as connection:
        connection.detach()
        yield Loading(connection)


def _written(entries: Iterable[Suppression]) -> Iterator[str]:
    rows = (
        copied_row(
            each.address,
            each.scope,
            each.reason,
            each.source,
            each.note,
            each.expires_at,
        )
        for each in entries
    )
    while chunk := "".join(islice(rows, _ROWS_A_WRITE)):
        yield chunk
