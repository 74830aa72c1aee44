"""The identity of an event: the same for every delivery of it, whatever form it comes in.

A bounce and a complaint carry a feedback id. Others are told apart by SES's message id, their
time and their recipients; opens and clicks by all they say. Addresses go in as a digest only.

These strings are stored: an event that is delivered again after an upgrade must still have the
identity it had before.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumers.fields import Json


def of_feedback(kind: str, feedback_id: str, addresses: Iterable[str]) -> str:
    """Identity of a bounce or complaint."""
    return _digest(kind, feedback_id, *sorted(addresses))


def of_step(kind: str, ses_message_id: str, when: str, addresses: Iterable[str]) -> str:
    """Identity of a step in a message's life, such as a delivery."""
    return _digest(kind, ses_message_id, when, *sorted(addresses))


def of_content(kind: str, content: Json) -> str:
    """Identity of what has no better one: its content."""
    return _digest(kind, json.dumps(content, sort_keys=True, separators=(",", ":")))


def _digest(kind: str, *parts: str) -> str:
    return f"{kind}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
