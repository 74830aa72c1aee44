"""The Procfile: which processes there are and how each is started."""

from __future__ import annotations

import shlex
from pathlib import Path

PROCFILE = Path(__file__).parent.parent / "Procfile"

# Runs once, before the others.
RELEASE = "release"


def read_procfile(path: Path = PROCFILE) -> dict[str, list[str]]:
    """The commands by process name, in the order of the file, as argument lists."""
    commands = {}
    for line in path.read_text().splitlines():
        name, colon, command = line.partition(":")
        if colon and not line.startswith("#"):
            commands[name.strip()] = shlex.split(command)
    return commands
