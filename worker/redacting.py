"""SES's words about a message, without anybody's address but the sender's."""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import parseaddr
from typing import TYPE_CHECKING

from config.logs import redact

if TYPE_CHECKING:
    from worker.ses.outcomes import Refusal


def without_addresses(outcome: Refusal, *, sender: str | None) -> Refusal:
    """The outcome, with the addresses in its reason replaced.

    What SES says of the sender stays: an operator must know which identity is not verified.
    """
    reason = _redacted(outcome.why.reason, parseaddr(sender or "")[1])
    return replace(outcome, why=replace(outcome.why, reason=reason))


def _redacted(told: str, kept: str) -> str:
    if not kept:
        return redact(told)
    alone = rf"(?<![\w.+-])({re.escape(kept)})(?![\w-]|\.\w)"
    parts = re.split(alone, told, flags=re.IGNORECASE)
    return "".join(part if number % 2 else redact(part) for number, part in enumerate(parts))
