"""The list of guards is true as far as can be told without taking one out."""

from __future__ import annotations

import pytest

from guard_list import DOCUMENT, Guard, document, load

GUARDS = load()


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_every_guard_stands_in_its_file_once_and_its_tests_are_there(guard: Guard) -> None:
    assert guard.problems() == []
    assert guard.tests
    assert guard.old != guard.new


def test_no_name_stands_twice() -> None:
    names = [guard.name for guard in GUARDS]
    assert len(set(names)) == len(names)


def test_the_page_is_the_list() -> None:
    assert DOCUMENT.read_text() == document(GUARDS), "run: make guards-list"
