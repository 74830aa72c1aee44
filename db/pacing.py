"""The pacer: one schedule for all processes of an account and region.

A virtual schedule (GCRA): the row says when the next token is free, and a reservation moves that
moment on. The answer is a duration, so the clocks of the workers' hosts do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.direct import Direct

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Terms:
    """How one stream of one region may reserve.

    It may reserve while the schedule is taken less than `ahead_seconds` ahead: streams that may
    look further ahead go first. Whatever the others take, each stream gets at least its `share`
    (0 to 1) of the rate. The rate is the account's `MaxSendRate` times `utilisation`, at most
    `most_per_second`.
    """

    region: str
    stream: str
    ahead_seconds: float
    share: float
    utilisation: float
    most_per_second: float | None = None


@dataclass(frozen=True)
class Reserved:
    """Tokens that are ours: the first in `wait_seconds`, the others one after the other."""

    wait_seconds: float
    seconds_per_token: float


@dataclass(frozen=True)
class Full:
    """The schedule is taken as far ahead as may be reserved; there is room in `wait_seconds`."""

    wait_seconds: float


@dataclass(frozen=True)
class NoRate:
    """Nobody has read the account's rate yet: the scheduler polls it."""


# Nobody looks further ahead than this, not even for a stream's own share.
FURTHEST_SECONDS = 1.0

# So much of the schedule may be made up for when nobody was there in time to take it.
CATCH_UP_SECONDS = 0.004

# Tokens that lapsed because a process was held up can be issued anew: so much of what the
# utilisation leaves free at once, and so much of it in a second. One that lapsed just before a
# second and is issued anew within it comes on top of that second's own.
RETURNED_AT_ONCE = 0.15
RETURNED_PER_SECOND = 0.2

# After a throttle the rate falls by this factor, at most once a second, and returns so much of
# the full rate each second.
THROTTLED_FACTOR = 0.75
LEAST_FACTOR = 0.02
RECOVERY_PER_SECOND = 0.02
THROTTLED_PAUSE_SECONDS = 0.5

_ENSURE = Direct("INSERT INTO pacers (region) VALUES (:region) ON CONFLICT DO NOTHING")

_FACTOR = f"""LEAST(1.0, rate_factor
    + {RECOVERY_PER_SECOND} * EXTRACT(epoch FROM clock_timestamp() - throttled_at))"""
_PER_TOKEN = f"(1.0 / (account.rate * {_FACTOR}))"
_SHARE_DUE = "coalesce((shares ->> :stream::text)::float, 0.0)"
_NOW = "EXTRACT(epoch FROM clock_timestamp())"
_FREE = "(account.rate * (1.0 - :utilisation::float))"
_RETURNED_BUSY = "GREATEST(0.0, EXTRACT(epoch FROM returned_until - clock_timestamp())::float)"
_RETURNED = f"""GREATEST(0.0, LEAST(:lapsed::float,
    floor({_FREE} * ({RETURNED_AT_ONCE} - {RETURNED_PER_SECOND} * {_RETURNED_BUSY}))))"""

# All in one row and one UPDATE: a reservation that waited for the row is evaluated afresh against
# what the row holds then. clock_timestamp(), because now() is older than such a wait. Losing the
# last moments of the schedule in a crash of the database costs nothing, so its commit does not
# wait for the disk.
_RESERVE = Direct(f"""
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
account AS (
    SELECT LEAST(max_send_rate, :most_per_second::float) * :utilisation::float AS rate
    FROM ses_accounts WHERE region = :region AND max_send_rate > 0
)
UPDATE pacers SET
    next_free_at = GREATEST(
        next_free_at - make_interval(secs => {_RETURNED} * {_PER_TOKEN}),
        clock_timestamp() - make_interval(secs => {CATCH_UP_SECONDS})
    ) + make_interval(secs => :tokens::float * {_PER_TOKEN}),
    returned_until = clock_timestamp()
        + make_interval(secs => {_RETURNED_BUSY}
            + {_RETURNED} / ({RETURNED_PER_SECOND} * GREATEST({_FREE}, 0.001))),
    shares = shares || jsonb_build_object(
        :stream::text,
        GREATEST({_SHARE_DUE}, {_NOW}) + :tokens::float * {_PER_TOKEN} / :share::float
    )
FROM quick, account
WHERE region = :region AND (
    next_free_at <= clock_timestamp() + make_interval(secs => :ahead_seconds::float)
    OR ({_SHARE_DUE} <= {_NOW}
        AND next_free_at <= clock_timestamp() + make_interval(secs => {FURTHEST_SECONDS}))
)
RETURNING EXTRACT(epoch FROM next_free_at - clock_timestamp())::float AS until,
    {_PER_TOKEN}::float AS seconds_per_token
""")  # noqa: S608  only constants are put in

_ROOM = Direct(f"""
SELECT LEAST(
        EXTRACT(epoch FROM next_free_at - clock_timestamp())::float - :ahead_seconds::float,
        {_SHARE_DUE} - {_NOW}::float
    ) AS wait,
    EXISTS (SELECT FROM ses_accounts WHERE region = :region AND max_send_rate > 0) AS known
FROM pacers WHERE region = :region
""")  # noqa: S608  only constants are put in

_THROTTLE = Direct(f"""
UPDATE pacers SET
    rate_factor = GREATEST({LEAST_FACTOR}, {_FACTOR} * {THROTTLED_FACTOR}),
    throttled_at = clock_timestamp(),
    next_free_at = GREATEST(
        next_free_at, clock_timestamp() + make_interval(secs => {THROTTLED_PAUSE_SECONDS}))
WHERE region = :region AND throttled_at <= clock_timestamp() - interval '1 second'
""")  # noqa: S608  only constants are put in


def ensure(engine: Engine, region: str) -> None:
    """Make sure that the region has a schedule."""
    _ENSURE.one_or_none(engine, region=region)


def reserve(
    engine: Engine, terms: Terms, tokens: int, *, lapsed: int = 0
) -> Reserved | Full | NoRate:
    """Reserve tokens, one a recipient.

    `lapsed`: so many tokens of just now were not used. A few of them go back into the schedule.
    """
    values = {
        "region": terms.region,
        "stream": terms.stream,
        "tokens": float(tokens),
        "lapsed": float(lapsed),
        "ahead_seconds": terms.ahead_seconds,
        "share": terms.share,
        "utilisation": terms.utilisation,
        "most_per_second": terms.most_per_second,
    }
    row = _RESERVE.one_or_none(engine, **values)
    if row is not None:
        first = row.until - tokens * row.seconds_per_token
        return Reserved(max(0.0, first), row.seconds_per_token)
    room = _ROOM.one_or_none(engine, **values)
    if room is None or not room.known:
        return NoRate()
    return Full(max(0.0, room.wait))


def throttle(engine: Engine, region: str) -> None:
    """SES has just refused a send for its rate: everyone slows down.

    Many refusals at once count as one: the rate falls at most once a second.
    """
    _THROTTLE.one_or_none(engine, region=region)
