"""The word that a process is going down."""

from __future__ import annotations


class StoppingError(Exception):
    """The process is going down: give the message back instead of waiting."""
