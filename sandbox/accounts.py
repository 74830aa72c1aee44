"""Accounting: what was enqueued, what the ledger says, and what the simulated SES accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from config.tags import MESSAGE_ID_TAG
from db.models import EmailMessage
from db.states import TAKEN_BY_SES, MessageState

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine

    from sandbox.aws.truth import Send

WAITING = {MessageState.QUEUED, MessageState.SENDING}


@dataclass
class Account:
    """Every enqueued message, counted once, by stream and by what became of it."""

    enqueued: int
    by_stream: dict[str, Counter[str]] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    known_ids: set[str] = field(default_factory=set)
    accepted_ids: set[str] = field(default_factory=set)
    ses_accepted: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Messages that SES took, whatever happened to them later."""
        return sum(self.states[state] for state in TAKEN_BY_SES)

    @property
    def settled(self) -> int:
        """Messages that wait for nothing of ours: at their end, or parked with a time."""
        return sum(self.states.values()) - sum(self.states[state] for state in WAITING)

    def twice(self) -> list[str]:
        """Ids that SES accepted more than once."""
        return sorted(each for each, count in self.ses_accepted.items() if count > 1)

    def lost(self, enqueued_ids: Collection[str]) -> list[str]:
        """Ids that were enqueued and that neither the ledger nor SES knows."""
        return sorted(set(enqueued_ids) - self.known_ids - set(self.ses_accepted))

    def disagreements(self) -> list[str]:
        """What does not add up, in sentences; empty when everything does."""
        found = []
        parts = {
            "accepted": self.accepted,
            "suppressed": self.states[MessageState.SUPPRESSED],
            "failed": self.states[MessageState.FAILED],
            "parked": self.states[MessageState.PARKED],
        }
        if sum(parts.values()) != self.enqueued:
            found.append(f"{self.enqueued} enqueued, but {parts} come to {sum(parts.values())}")
        if self.twice():
            found.append(f"SES accepted more than once: {', '.join(self.twice())}")
        if set(self.ses_accepted) != self.accepted_ids:
            only_ses = set(self.ses_accepted) - self.accepted_ids
            only_ledger = self.accepted_ids - set(self.ses_accepted)
            found.append(f"accepted only by SES: {only_ses}; only by the ledger: {only_ledger}")
        return found


def take_account(engine: Engine, enqueued_ids: Collection[str], sends: list[Send]) -> Account:
    """Read the ledger, and hold it against SES's own record of what it accepted."""
    account = Account(enqueued=len(enqueued_ids))
    with engine.begin() as connection:
        rows = connection.execute(
            select(
                EmailMessage.id,
                EmailMessage.stream,
                EmailMessage.state,
                EmailMessage.outcome_reason,
            )
        )
        for row in rows:
            if str(row.id) not in enqueued_ids:
                continue
            account.known_ids.add(str(row.id))
            account.states[row.state] += 1
            account.by_stream.setdefault(row.stream, Counter())[row.state] += 1
            if row.outcome_reason:
                account.reasons.append(f"{row.state} ({row.stream}): {row.outcome_reason}")
            if row.state in TAKEN_BY_SES:
                account.accepted_ids.add(str(row.id))
    account.ses_accepted.update(send.tags.get(MESSAGE_ID_TAG, "(no id)") for send in sends)
    return account
