"""How much was sent in each five minutes, so that nobody counts the ledger of a week again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from config.address_keys import AddressKeys
from db.address_naming import domain_digests
from db.gates import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from config.settings import Settings

# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html: mail to the mailbox
# simulator does not count.
SIMULATOR = "simulator.amazonses.com"

BUCKET_SECONDS = 300
# No transaction that writes `sent_at` lasts longer: what is older is there to be seen.
SETTLED_SECONDS = 180
LONGEST_WINDOW_SECONDS = 604_800
KEPT_SECONDS = LONGEST_WINDOW_SECONDS + 86_400
# In one transaction: at 200 recipients a second that is 180,000 of them, and about a second.
BUCKETS_AT_ONCE = 3


@dataclass(frozen=True)
class Domains:
    """Domains that are treated apart: `verified` with their subdomains, `silent` just as named.

    A bounce from a verified one does not count for SES; a silent one tells SES of no complaint.
    """

    verified: Sequence[str] = ()
    silent: Sequence[str] = ()
    # Of an address that is encrypted the domain is known by its digest.
    keys: AddressKeys = field(default_factory=AddressKeys)

    @classmethod
    def of(cls, settings: Settings) -> Domains:
        """Those of the settings."""
        return cls(
            settings.reputation_verified_domains,
            settings.reputation_silent_domains,
            settings.keys_of_addresses if settings.keys_of_encryption else AddressKeys(),
        )

    def terms(self) -> dict[str, list[str]]:
        """The parameters of `of_verified` and of the counting."""
        return {
            "verified": list(self.verified),
            "under_verified": [f"%.{domain}" for domain in self.verified],
            "verified_digests": domain_digests(self.keys, self.verified),
            "silent": list(self.silent),
            "silent_digests": domain_digests(self.keys, self.silent),
        }


def bucket_of(moment: str) -> str:
    """SQL: the beginning of the five minutes in which a moment lies."""
    return f"date_bin(interval '{BUCKET_SECONDS} seconds', {moment}, timestamptz 'epoch')"


def of_verified(domain: str) -> str:
    """SQL: whether the domain is verified, or under one that is."""
    return f"({domain} = ANY(:verified) OR {domain} LIKE ANY(:under_verified))"


# `domains` are the book's, of an address that is encrypted.
UNDER_VERIFIED = "coalesce(domains && :verified_digests, false)"

VERIFIED = ("verified", "under_verified", "verified_digests")
VERIFIED_PARAMETERS = [bindparam(name, type_=ARRAY(Text())) for name in VERIFIED]
DOMAIN_PARAMETERS = [
    *VERIFIED_PARAMETERS,
    *(bindparam(name, type_=ARRAY(Text())) for name in ("silent", "silent_digests")),
]

# The end of what is counted, or the oldest moment that any window looks at.
COUNTED_UNTIL = f"""
GREATEST(
    {bucket_of(f"now() - interval '{LONGEST_WINDOW_SECONDS} seconds'")},
    (SELECT max(started_at) + interval '{BUCKET_SECONDS} seconds' FROM sent_counts
        WHERE scope = '{EVERYTHING}')
)
"""  # noqa: S608  constants


def counting(first: str, end: str) -> str:
    """SQL: the counts of what was sent from `first` until before `end`, by bucket and scope.

    The recipients of each message are looked up by its id: nothing may tempt the planner, which
    cannot know how little there is in that span, to read the whole table of recipients instead.
    """
    sent = bucket_of("m.sent_at")
    return f"""
    SELECT coalesce(stream, '{EVERYTHING}') AS scope, started_at,
        count(*) FILTER (WHERE NOT {of_verified("domain")} AND NOT {UNDER_VERIFIED}) AS can_bounce,
        count(*) FILTER (WHERE NOT domain = ANY(:silent)
            AND NOT coalesce(domains[1] = ANY(:silent_digests), false)) AS can_complain
    FROM (
        SELECT m.stream, {sent} AS started_at, split_part(r.address, '@', -1) AS domain,
            book.domains
        FROM email_messages AS m CROSS JOIN LATERAL (
            SELECT address FROM email_recipients
            WHERE message_id = m.id AND state <> 'suppressed' OFFSET 0
        ) AS r LEFT JOIN LATERAL (
            SELECT domains FROM email_addresses WHERE name = r.address OFFSET 0
        ) AS book ON true
        WHERE m.sent_at >= {first} AND m.sent_at < {end}
    ) AS sent
    WHERE domain <> '{SIMULATOR}'
    GROUP BY GROUPING SETS ((started_at, stream), (started_at))
    """  # noqa: S608  constants


# The first bucket is that of the oldest mail, so that an empty ledger is not walked through. The
# row of the last one stands for all of them that had no mail.
_SPAN = text(f"""
WITH settled AS (
    SELECT {bucket_of(f"now() - interval '{SETTLED_SECONDS} seconds'")} AS until
), first AS (
    SELECT coalesce({bucket_of("min(sent_at)")}, (SELECT until FROM settled)) AS bucket
    FROM email_messages WHERE sent_at >= ({COUNTED_UNTIL})
)
SELECT bucket AS first,
    LEAST(until, bucket + interval '{BUCKETS_AT_ONCE * BUCKET_SECONDS} seconds') AS before, until
FROM first, settled
""")  # noqa: S608  constants

_ROLL_UP = text(f"""
INSERT INTO sent_counts (scope, started_at, can_bounce, can_complain)
{counting(":first", ":before")}
ON CONFLICT (scope, started_at) DO NOTHING
""").bindparams(*DOMAIN_PARAMETERS)

_MARK = text(f"""
INSERT INTO sent_counts (scope, started_at, can_bounce, can_complain)
VALUES ('{EVERYTHING}', CAST(:before AS timestamptz) - interval '{BUCKET_SECONDS} seconds', 0, 0)
ON CONFLICT (scope, started_at) DO NOTHING
""")  # noqa: S608  constants

_FORGET = text(f"""
DELETE FROM sent_counts WHERE started_at < now() - interval '{KEPT_SECONDS} seconds'
""")  # noqa: S608  a constant


def roll_up(engine: Engine, domains: Domains) -> bool:
    """Count what is settled and not counted yet; answers whether there is more to count."""
    with engine.begin() as connection:
        span = connection.execute(_SPAN).one()
        if span.first >= span.until:
            return False
        terms = {"first": span.first, "before": span.before}
        connection.execute(_ROLL_UP, {**terms, **domains.terms()})
        connection.execute(_MARK, {"before": span.before})
        connection.execute(_FORGET)
    return bool(span.before < span.until)
