"""Takes each guard out, one after the other, and sees that a test fails. `make guards`.

    python tests/guards/check.py [--list] [NAME ...]

Works in copies of the tree. Names choose guards by a part of their name. Ends with 1 if a guard is
held by no test, if its text is gone, or if its tests fail without any change.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from guard_list import DOCUMENT, ROOT, Guard, document, load
from sandbox.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PROCESSES = int(os.environ.get("TEST_PROCESSES", "2"))
TEST_SECONDS = 120
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", ".*_cache", ".hypothesis", ".sandbox", "__pycache__"
)
# A change that only breaks the code or its SQL says nothing about the guard either.
BROKEN = re.compile(
    r"^E .*\b(ProgrammingError|SyntaxError|NameError|ImportError|TypeError)", re.MULTILINE
)
# What pytest ends with: tests failed. Anything else says nothing about the guard.
FAILED, PASSED, BROKEN_CODE = 1, 0, -1


def main(arguments: list[str]) -> int:
    """Answers the exit code."""
    if arguments == ["--list"]:
        DOCUMENT.write_text(document(load()))
        return 0
    chosen = [guard for guard in load() if _is_chosen(guard, arguments)]
    with tempfile.TemporaryDirectory(prefix="mailsluice-guards-") as name:
        directory = Path(name)
        with _database(directory) as url:
            verdicts = list(_verdicts(chosen, directory, url))
    bad = [verdict for verdict in verdicts if verdict != "held"]
    print(f"{len(verdicts) - len(bad)} of {len(verdicts)} guards are held by a test.")
    return 1 if bad else 0


def _is_chosen(guard: Guard, parts: list[str]) -> bool:
    return not parts or any(part.casefold() in guard.name.casefold() for part in parts)


@contextmanager
def _database(directory: Path) -> Iterator[str]:
    """One server for all runs, unless DATABASE_URL names one."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    server = PostgresServer(directory / "data").start()
    yield server.url()
    server.stop(immediately=True)


def _verdicts(guards: list[Guard], directory: Path, database_url: str) -> Iterator[str]:
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(PROCESSES):
        tree = directory / f"tree-{number}"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        trees.put(tree)
    sound = _run_pytest(directory / "tree-0", _all_tests(guards), database_url, PASSED)
    if sound != PASSED:
        print("The tests fail as the tree stands; nothing can be told about its guards.")
        yield "unsound"
        return

    def judge(guard: Guard) -> str:
        tree = trees.get()
        try:
            return _judge(guard, tree, database_url)
        finally:
            shutil.copy(ROOT / guard.file, tree / guard.file)
            trees.put(tree)

    with ThreadPoolExecutor(PROCESSES) as pool:
        yield from pool.map(judge, guards)


def _all_tests(guards: list[Guard]) -> list[str]:
    return sorted({test for guard in guards for test in guard.tests})


def _judge(guard: Guard, tree: Path, database_url: str) -> str:
    began = time.monotonic()
    verdict = "; ".join(guard.problems())
    if not verdict:
        guard.take_out(tree)
        code = _run_pytest(tree, guard.tests, database_url, FAILED, PASSED)
        verdict = {FAILED: "held", PASSED: "NOT HELD"}.get(code, f"ERROR {code}")
    print(
        f"{verdict:10} {time.monotonic() - began:5.1f} s  {guard.name}  ({guard.file})", flush=True
    )
    return verdict


def _run_pytest(tree: Path, tests: list[str], url: str, *expected: int) -> int:
    """Run the tests of a copy on the copy's own code; shows an end that is not expected."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tree), str(tree / "producers")]),
        "DATABASE_URL": url,
    }
    ended = subprocess.run(  # noqa: S603  our own command
        [*command, "-o", f"timeout={TEST_SECONDS}"],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in expected:
        print(ended.stdout[-2000:], ended.stderr[-2000:])
    return BROKEN_CODE if BROKEN.search(ended.stdout) else ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
