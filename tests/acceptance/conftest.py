"""A whole installation, its processes started as the Procfile says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, databases: object
) -> Iterator[Installation]:
    """Database, simulated AWS and queues, without any process yet; one for a whole module."""
    name, url = databases.create_empty()  # type: ignore[attr-defined]
    with Installation(tmp_path_factory.mktemp("installation"), database_url=url) as made:
        yield made
    databases.drop(name)  # type: ignore[attr-defined]
