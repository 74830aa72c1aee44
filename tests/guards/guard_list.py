"""The guards: lines of the product that hold a promise, each with the tests that hold the line.

They stand in `guards.toml`. `docs/guards.md` is written from it by `make guards-list`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOML = Path(__file__).with_name("guards.toml")
DOCUMENT = ROOT / "docs" / "guards.md"

_HEAD = """\
# The guards

Each line of this list is a piece of code that holds one of the promises, what would happen without
it, and the test that fails when it is taken out. `make guards` takes each out, one after the other,
in a copy of the tree, and runs its tests there: they must fail. This page is written from
`tests/guards/guards.toml` by `make guards-list`; change it there.

| promise | |
|---|---|
| 1 | nothing is lost |
| 2 | nothing is sent twice |
| 3 | no mail to a suppressed address |
| 4 | never above the account's rate or quota, and the rate is used |
| 5 | a bounce or complaint takes effect |
| 6 | bad input does no harm |
| 7 | an outage stops progress and nothing else |
| 8 | no address, subject or body where it does not belong |
| 9 | times are checked against each other at start |
"""


@dataclass(frozen=True)
class Guard:
    """`old` stands once in `file`; with `new` in its place one of `tests` must fail."""

    name: str
    promise: int
    without: str
    file: str
    old: str
    new: str
    tests: list[str]

    def problems(self) -> list[str]:
        """What is wrong with this row, as the tree stands."""
        found = (ROOT / self.file).read_text().count(self.old)
        problems = [] if found == 1 else [f"its text stands {found} times in {self.file}"]
        return problems + [f"there is no {each}" for each in self.tests if not _exists(each)]

    def take_out(self, tree: Path) -> None:
        """Change the file in a copy of the tree."""
        path = tree / self.file
        path.write_text(path.read_text().replace(self.old, self.new))


def load() -> list[Guard]:
    """All guards, in the order of the list."""
    rows = tomllib.loads(TOML.read_text())["guard"]
    return [Guard(**row) for row in rows]


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    name = name.partition("[")[0]
    file = ROOT / path
    return file.is_file() and f"\ndef {name}(" in file.read_text()


def document(guards: list[Guard]) -> str:
    """The page for people."""
    rooms: dict[str, list[Guard]] = {}
    for guard in guards:
        rooms.setdefault(guard.file, []).append(guard)
    return _HEAD + "".join(_section(file, rows) for file, rows in rooms.items())


def _section(file: str, guards: list[Guard]) -> str:
    lines = [f"\n## `{file}`\n"]
    for guard in guards:
        tests = "".join(f"\n- `{test}`" for test in guard.tests)
        lines.append(
            f"\n### {guard.name}\n\nPromise {guard.promise}. Without it: {guard.without}\n\n"
            f"```\n{guard.old.strip(chr(10))}\n```\n\nHeld by\n{tests}\n"
        )
    return "".join(lines)
