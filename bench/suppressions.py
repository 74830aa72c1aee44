#!/usr/bin/env python3
"""What a look-up in the suppression list costs, by how long the list is.

Fills one list for each size, then asks each in turn, batch by batch, with the very SQL that a claim
asks with. Addresses are in no order, on the list and in the batches; of those asked for, `--hits`
of a hundred are on the list. Told is the time of a batch as its client sees it (the median of all
rounds), and how it compares with that of the shortest list.

    python bench/suppressions.py --sizes 100000 10000000 --batch 50 1000
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from config.settings import load_settings
from db.claims import BLOCKED
from db.direct import Direct
from db.engine import connect
from db.migrate import migrate
from sandbox.postgres import SERVER_OPTIONS, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

COLUMNS = ("on the list", "batch", "ms a batch", "us an address", "against the shortest", "found")
STREAM = "marketing"

# To keep the key up to date while so many rows come in would take many times as long.
_FILL = (
    "SET LOCAL statement_timeout = 0",
    "ALTER TABLE email_suppressions DROP CONSTRAINT email_suppressions_pkey",
    """
    INSERT INTO email_suppressions (address, scope, reason, source)
    SELECT md5(n::text) || '@example.com', '*', 'bounce', 'event' FROM generate_series(1, {size}) n
    """,
    "SET LOCAL maintenance_work_mem = '512MB'",
    "ALTER TABLE email_suppressions ADD PRIMARY KEY (address, scope)",
)
_SOME = text("""
SELECT address FROM email_suppressions TABLESAMPLE BERNOULLI (:percent) LIMIT :most
""")
_LOOK_UP = Direct(f"""
WITH blocked AS ({BLOCKED})
SELECT count(*) AS found FROM blocked
""")  # noqa: S608  a constant


@dataclass
class List:
    """A suppression list of so many entries; `known` are some of them."""

    size: int
    engine: Engine
    known: Sequence[str]
    fill_seconds: float


def filled(server: PostgresServer, size: int, asked: int) -> List:
    """A database of its own with so many entries."""
    url = server.create_database(f"list_{size}")
    engine = connect(load_settings(database_url=url, database_pool_size=1))
    migrate(engine)
    began = time.perf_counter()
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement.format(size=size)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE email_suppressions"))
        # What is read for the first time is not what a running server does: the whole key once.
        connection.execute(text("SET enable_seqscan = off"))
        connection.execute(text("SELECT count(address) FROM email_suppressions"))
        connection.execute(text("RESET enable_seqscan"))
        percent = min(100.0, 300.0 * asked / size)
        known = connection.execute(_SOME, {"percent": percent, "most": asked}).scalars().all()
    return List(size, engine, known, time.perf_counter() - began)


def batch_of(chance: random.Random, known: Sequence[str], batch: int, hits: float) -> list[str]:
    """Addresses to ask for, some of them on the list, sorted as a claim has them."""
    on_it = chance.sample(known, min(len(known), round(batch * hits / 100)))
    others = (f"{chance.getrandbits(128):032x}@example.com" for _ in range(batch - len(on_it)))
    return sorted([*on_it, *others])


def ask(each: List, addresses: list[str]) -> tuple[float, int]:
    """The seconds of one look-up, and how many were found."""
    began = time.perf_counter()
    row = _LOOK_UP.one_or_none(each.engine, addresses=addresses, names=addresses, stream=STREAM)
    return time.perf_counter() - began, row.found if row else 0


def measure(lists: list[List], batch: int, arguments: argparse.Namespace) -> list[list[str]]:
    """A row for each list. They take turns, so that the machine's moods meet them alike."""
    chance = random.Random(batch)  # noqa: S311  nothing secret
    seconds: dict[int, list[float]] = {each.size: [] for each in lists}
    found = dict.fromkeys(seconds, 0)
    for turn in range(arguments.warm_up + arguments.rounds):
        for each in lists:
            took, hits = ask(each, batch_of(chance, each.known, batch, arguments.hits))
            if turn >= arguments.warm_up:
                seconds[each.size].append(took)
                found[each.size] += hits
    medians = {size: statistics.median(taken) for size, taken in seconds.items()}
    shortest = medians[min(medians)]
    return [
        [
            f"{size:,}",
            str(batch),
            f"{1e3 * median:.2f}",
            f"{1e6 * median / batch:.2f}",
            f"{median / shortest:.2f}",
            str(found[size]),
        ]
        for size, median in medians.items()
    ]


def parsed() -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 10_000_000])
    parser.add_argument("--batch", type=int, nargs="+", default=[50, 1000])
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--warm-up", type=int, default=200, help="rounds that do not count")
    parser.add_argument("--hits", type=float, default=5, help="percent that are on the list")
    parser.add_argument("--shared-buffers", default=SERVER_OPTIONS["shared_buffers"])
    return parser.parse_args()


def main() -> None:
    """Print a table, a row for each list and size of batch."""
    arguments = parsed()
    SERVER_OPTIONS["shared_buffers"] = arguments.shared_buffers
    with tempfile.TemporaryDirectory(prefix="mailsluice-bench-") as directory:
        server = PostgresServer(Path(directory) / "data").start()
        try:
            compare(server, arguments, Console(width=120))
        finally:
            server.stop(immediately=True)


def compare(server: PostgresServer, arguments: argparse.Namespace, console: Console) -> None:
    """Fill the lists and ask them."""
    table = Table(*COLUMNS)
    lists = [filled(server, size, 10 * max(arguments.batch)) for size in arguments.sizes]
    for each in lists:
        console.print(f"{each.size:,} entries were there after {each.fill_seconds:.0f} s")
    for batch in arguments.batch:
        for row in measure(lists, batch, arguments):
            table.add_row(*row)
    for each in lists:
        each.engine.dispose()
    console.print(table)


if __name__ == "__main__":
    main()
