"""How many of those that were mailed have bounced or complained, counted from rows.

A report counts towards the mail that it is about: in the windows in which that was sent. So a rate
is a share of that mail, whenever its reports come and however late they are read.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Float, Text

from config.reputation import BOUNCE, COMPLAINT, WINDOWS, Tally
from db.gates import EVERYTHING
from db.sent_counts import (
    COUNTED_UNTIL,
    DOMAIN_PARAMETERS,
    LONGEST_WINDOW_SECONDS,
    SIMULATOR,
    UNDER_VERIFIED,
    VERIFIED,
    VERIFIED_PARAMETERS,
    bucket_of,
    counting,
    of_verified,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import BindParameter, Connection, Engine, TextClause

    from db.sent_counts import Domains

# An event may be read before its send is written down, though never by that much.
EARLY_SECONDS = 3600


@dataclass
class Count:
    """Recipients and reports of one scope, kind and window; `since` a resume, where one was."""

    recipients: int = 0
    recipients_since: int = 0
    reports: int = 0
    reports_since: int = 0

    @property
    def whole(self) -> Tally:
        """Of all mail of the window."""
        return Tally(self.reports, self.recipients)

    @property
    def since(self) -> Tally:
        """Of the mail that was sent since an operator resumed the scope."""
        return Tally(self.reports_since, self.recipients_since)


@dataclass(frozen=True)
class Measured:
    """The counts by scope (`*`: all mail), kind and window; those that are missing are empty."""

    counts: Mapping[tuple[str, str, str], Count] = field(default_factory=dict)

    def of(self, scope: str, kind: str, window: str) -> Count:
        """One of them."""
        return self.counts.get((scope, kind, window), Count())


_SPANS = f"""
spans AS MATERIALIZED (
    SELECT span.*, {bucket_of("now() - make_interval(secs => span.seconds)")} AS start
    FROM unnest(:names, :seconds) AS span (name, seconds)
)
"""  # noqa: S608  constants
_SPAN_PARAMETERS: list[BindParameter[Any]] = [
    bindparam("names", type_=ARRAY(Text())),
    bindparam("seconds", type_=ARRAY(Float())),
]
# Before the first resume everything counts.
_SINCE = "coalesce(resumed.counts_from, '-infinity')"

_SENT = text(f"""
WITH {_SPANS}, counted AS (
    SELECT scope, started_at, can_bounce, can_complain FROM sent_counts
    UNION ALL
    {counting(f"({COUNTED_UNTIL})", "'infinity'")}
)
SELECT scope, spans.name AS window,
    sum(can_bounce)::bigint AS can_bounce, sum(can_complain)::bigint AS can_complain,
    coalesce(sum(can_bounce) FILTER (WHERE started_at >= {_SINCE}), 0)::bigint
        AS can_bounce_since,
    coalesce(sum(can_complain) FILTER (WHERE started_at >= {_SINCE}), 0)::bigint
        AS can_complain_since
FROM counted JOIN spans ON started_at >= spans.start
LEFT JOIN reputation_resumes AS resumed USING (scope)
GROUP BY scope, spans.name
""").bindparams(*DOMAIN_PARAMETERS, *_SPAN_PARAMETERS)  # noqa: S608  constants


def _reports(table: str, condition: str, how_many: str) -> TextClause:
    """One statement for each kind. What came before its message was known is found by SES's id."""
    return text(f"""
    WITH {_SPANS}, told AS (
        SELECT m.id, m.stream, m.sent_at, {how_many} AS reports
        FROM {table} AS report JOIN email_messages AS m ON m.id = coalesce(
            report.message_id,
            (SELECT id FROM email_messages WHERE ses_message_id = report.ses_message_id LIMIT 1)
        )
        WHERE report.created_at
                > now() - interval '{LONGEST_WINDOW_SECONDS + EARLY_SECONDS} seconds'
            AND m.sent_at IS NOT NULL
            AND split_part(report.address, '@', -1) <> '{SIMULATOR}' AND {condition}
        GROUP BY m.id
    )
    SELECT scope, spans.name AS window, sum(reports)::bigint AS reports,
        coalesce(sum(reports) FILTER (WHERE sent_at >= {_SINCE}), 0)::bigint AS reports_since
    FROM told CROSS JOIN LATERAL unnest(ARRAY[stream, '{EVERYTHING}']) AS scope
    JOIN spans ON sent_at >= spans.start
    LEFT JOIN reputation_resumes AS resumed USING (scope)
    GROUP BY scope, spans.name
    """).bindparams(*_SPAN_PARAMETERS)  # noqa: S608  constants


# https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html: only hard bounces count. Those of
# lists of our own and of predictions are none, for no server was asked. A permanent bounce may
# name recipients that are only delayed.
_BOUNCES = _reports(
    "email_bounces",
    f"""
    report.bounce_type = 'Permanent'
    AND report.bounce_subtype NOT IN ('OnAccountSuppressionList', 'OnTenantSuppressionList',
        'EmailValidationSuppressed', 'UnsubscribedRecipient')
    AND coalesce(lower(report.action), '') <> 'delayed'
    AND (report.status IS NULL OR '5' = coalesce(
        substring(report.status FROM '(?:^|[^0-9.])([245])\\.[0-9]'), left(report.status, 1)))
    AND NOT {of_verified("split_part(report.address, '@', -1)")}
    AND NOT EXISTS (
        SELECT FROM email_addresses WHERE name = report.address AND {UNDER_VERIFIED})
    """,
    # Notifications of the identity tell what events tell, under another feedback id.
    "count(DISTINCT report.address)",
).bindparams(*VERIFIED_PARAMETERS)

# https://www.iana.org/assignments/marf-parameters: `not-spam` takes a complaint back, and
# `auth-failure` is a server's. What SES's list for the account stopped was delivered to nobody.
_COMPLAINTS = _reports(
    "email_complaints",
    """
    coalesce(lower(report.complaint_type), '') NOT IN ('not-spam', 'auth-failure')
    AND coalesce(report.complaint_subtype, '')
        NOT IN ('OnAccountSuppressionList', 'OnTenantSuppressionList')
    """,
    # Providers hide who complained, and SES names all who may have: one report is one complaint.
    "LEAST(count(DISTINCT report.address), count(DISTINCT report.feedback_id))",
)


def measure(engine: Engine, domains: Domains) -> Measured:
    """Count the recipients and reports of all windows, kinds and scopes at this moment."""
    terms = {"names": list(WINDOWS), "seconds": [float(each) for each in WINDOWS.values()]}
    named = domains.terms()
    verified = {name: named[name] for name in VERIFIED}
    counts: dict[tuple[str, str, str], Count] = defaultdict(Count)
    with engine.begin() as connection:
        for row in connection.execute(_SENT, {**terms, **named}):
            bounce = counts[row.scope, BOUNCE, row.window]
            bounce.recipients, bounce.recipients_since = row.can_bounce, row.can_bounce_since
            complaint = counts[row.scope, COMPLAINT, row.window]
            complaint.recipients = row.can_complain
            complaint.recipients_since = row.can_complain_since
        _add(connection, counts, BOUNCE, _BOUNCES, {**terms, **verified})
        _add(connection, counts, COMPLAINT, _COMPLAINTS, terms)
    return Measured(dict(counts))


def _add(
    connection: Connection,
    counts: dict[tuple[str, str, str], Count],
    kind: str,
    statement: TextClause,
    terms: Mapping[str, object],
) -> None:
    for row in connection.execute(statement, terms):
        count = counts[row.scope, kind, row.window]
        count.reports, count.reports_since = row.reports, row.reports_since
