"""Keeps our suppression list and SES's own for the account in step, both ways.

Everything there is to know is in the database, and each call's result is written down before the
next: whoever goes on after a kill begins where the last one was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from db import ses_drift, ses_list, ses_readings, ses_removals, ses_takeover
from db.ses_list import Listing
from db.ses_readings import IDLE, PUTTING, READING, TAKING, MovedOnError
from worker.ses.suppressed import StoppedError, ThrottledError, TokenLostError, UnfitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.suppression import SuppressionPolicy
    from db.ses_readings import Position
    from worker.ses.suppressed import SuppressedDestinations

log = structlog.get_logger(__name__)

# A turn ends after so long; a wait of Spacing's longest and a call under way come on top.
TURN_SECONDS = 20.0
# When a whole list is gone, to ask about each address would take days: the next run goes on.
ASKED_AT_MOST = 300
# If more than these are gone, and more than are left, the list was emptied: SES does so 90 days
# after it paused an account
# (https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html).
FOLLOWED_IN_ANY_CASE = 10

_REASONS = {"bounce": "BOUNCE", "complaint": "COMPLAINT"}


@dataclass(frozen=True)
class SyncRules:
    """How the step is done. `follow`: what is removed there is removed here too.

    `full` reads all of SES's list now, `full_seconds` after so long. `only_look` reads it, and
    changes neither list.
    """

    region: str
    policy: SuppressionPolicy
    follow: bool = False
    full: bool = False
    full_seconds: float = 86_400.0
    only_look: bool = False


class SuppressionSync:
    """One step after the other; `count` is told what was done: a word and how many."""

    def __init__(
        self,
        engine: Engine,
        there: SuppressedDestinations,
        rules: SyncRules,
        count: Callable[[str, int], None],
    ) -> None:
        self._engine = engine
        self._there = there
        self._rules = rules
        self._region = rules.region
        self._count = count
        self._asked = 0

    def begin(self) -> None:
        """Begin a reading of SES's list, or go on with one that was interrupted."""
        at = self._position()
        goes_on = at.phase == READING and (at.is_full or not self._rules.full)
        if not goes_on:
            full_seconds = self._rules.full_seconds
            ses_readings.begin(self._engine, at, full=self._rules.full, full_seconds=full_seconds)

    def turn(self) -> bool:
        """Work for a while; True when there is more to do, False when the lists are in step.

        What stands still in the database is begun first.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: SES refuses, or does
                not answer; a later turn goes on there.
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        if self._position().phase == IDLE:
            self.begin()
            self._asked = 0
        ses_removals.doom_removed(self._engine, self._position())
        ends_at = time.monotonic() + TURN_SECONDS
        try:
            while time.monotonic() < ends_at:
                if not self._step():
                    return False
        except (StoppedError, MovedOnError):
            return False
        return True

    def is_in_step(self) -> bool:
        """Whether the last step came to its end."""
        return self._position().phase == IDLE

    def _step(self) -> bool:
        at = self._position()
        try:
            if not self._rules.only_look and self._delete_one():
                return True
            return self._steps[at.phase](self, at)
        except ThrottledError:
            self._count("throttled", 1)
        except TokenLostError:
            log.warning("SES knows its page no more, its suppression list is read from the start")
            ses_readings.begin(self._engine, at, full=at.is_full, full_seconds=float("inf"))
        return True

    def _position(self) -> Position:
        return ses_readings.position(self._engine, self._region)

    def _delete_one(self) -> bool:
        """What operators removed goes first: until then SES does not deliver."""
        doomed = ses_list.next_doomed(self._engine, self._region)
        if doomed is None:
            return False
        try:
            self._there.delete(doomed.spelling)
            state = "deleted"
        except UnfitError:
            state = "stuck"
        ses_list.mark(self._engine, self._region, doomed.spelling, state)
        self._count(state, 1)
        ses_takeover.lift(self._engine, self._region)
        return True

    def _read(self, at: Position) -> bool:
        listings, next_token = self._there.page(at.token, at.since)
        ses_list.keep_page(self._engine, at, listings, next_token)
        self._count("read", len(listings))
        return True

    def _take(self, at: Position) -> bool:
        if self._rules.only_look:
            ses_removals.doom_removed(self._engine, at)
            return ses_list.miss(self._engine, at)
        _, changed = ses_takeover.take_over(self._engine, at, self._rules.policy)
        self._count("taken", changed)
        return True

    def _put(self, at: Position) -> bool:
        """Ask about what is missing, follow if so wished, then put there what SES lacks."""
        if ses_list.miss(self._engine, at) or self._ask_one(at):
            return True
        if not at.swept_to:
            self._remove_here()
        found, last = ses_drift.page_of_lacking(self._engine, at, at.swept_to, most=1)
        if found:
            self._put_one(at, Listing(found[0].address, _REASONS[found[0].reason]))
        elif last is not None:
            ses_readings.sweep(self._engine, at, last)
        else:
            ses_readings.done(self._engine, at)
            return False
        return True

    def _ask_one(self, at: Position) -> bool:
        unseen = ses_list.next_in(self._engine, self._region, "unseen")
        if unseen is None or self._asked >= ASKED_AT_MOST:
            return False
        self._asked += 1
        try:
            answer = self._there.get(unseen.spelling)
        except UnfitError:
            ses_list.mark(self._engine, self._region, unseen.spelling, "stuck")
            return True
        ses_list.was_asked(self._engine, at, unseen.spelling, answer)
        if answer is None:
            self._count("gone", 1)
        return True

    def _put_one(self, at: Position, listing: Listing) -> None:
        try:
            self._there.put(listing)
            state, what = "listed", "put"
        except UnfitError:
            state, what = "unfit", "unfit"
        ses_list.was_put(self._engine, at, listing, state)
        self._count(what, 1)

    def _remove_here(self) -> None:
        # The event of a mail from before a deletion may come after it.
        ses_takeover.lift(self._engine, self._region)
        if self._rules.follow:
            self._follow()

    def _follow(self) -> None:
        held = ses_list.count(self._engine, self._region)
        gone = ses_drift.gone(self._engine, self._region)
        missing = gone + held.get("unseen", 0)
        if missing > max(FOLLOWED_IN_ANY_CASE, held.get("listed", 0)):
            log.warning("too much is gone from SES's suppression list, not followed", gone=gone)
        elif gone:
            self._count("followed", ses_takeover.follow(self._engine, self._region))

    _steps = {READING: _read, TAKING: _take, PUTTING: _put}  # noqa: RUF012  a table of constants
