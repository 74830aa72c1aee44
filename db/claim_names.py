"""Whom a claim is about, by the names that the tables know them by: parts of its one statement.

Two forms: what is encrypted costs nothing where nothing is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.address_keys import encryption_of, fingerprints, keys_of
from db.address_naming import SEALED, TOUCHED_DAYS, TURNING, domains_of, is_hidden, known_in_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

# For fewer names than this PostgreSQL would plan the claim anew each time, which costs more than to
# execute it (0.60 ms of its CPU instead of 0.17): empty places make up the number.
PLANNED_NAMES = 4

RECIPIENTS = "SELECT unnest(:recipients::text[]) AS address"
NAMED = """
SELECT recipients.address, coalesce(blocked.digest, recipients.address) AS name,
    blocked.address IS NOT NULL AS is_blocked
FROM recipients LEFT JOIN blocked USING (address)
"""
ENTERED = "SELECT"

SEALED_RECIPIENTS = """
SELECT * FROM unnest(:recipients::text[], :sealed::text[], :domains::text[])
    AS r (address, sealed, domains)
"""

# A name that stands on the list and not in the book is of somebody who was erased. Each name is
# looked up by itself: the plan is kept, and the book grows from nothing while it is.
SEALED_NAMED = f"""
SELECT r.address, r.sealed, r.domains, blocked.address IS NOT NULL AS is_blocked,
    coalesce(held.name, blocked.digest,
        CASE fresh.state WHEN '{SEALED}' THEN fresh.name
            WHEN '{TURNING}' THEN CASE WHEN NOT {known_in_plain("r.address")} THEN fresh.name END
        END, r.address) AS name,
    (blocked.digest IS NOT NULL AND held.name IS NULL) OR coalesce(held.is_used, false) AS is_kept
FROM recipients AS r
LEFT JOIN blocked USING (address)
LEFT JOIN (
    SELECT known.address, b.name, b.used_at > now() - interval '{TOUCHED_DAYS} days' AS is_used
    FROM unnest(:addresses::text[], :names::text[]) AS known (address, name)
    CROSS JOIN LATERAL (
        SELECT name, used_at FROM email_addresses WHERE name = known.name OFFSET 0
    ) AS b
) AS held USING (address)
LEFT JOIN (
    SELECT known.address, known.name, a.state
    FROM address_sealing AS a
    JOIN unnest(:addresses::text[], :names::text[], :made_with::text[])
        AS known (address, name, key) ON known.key = a.digest_key
    WHERE a.state IN ('{SEALED}', '{TURNING}')
) AS fresh USING (address)
"""  # noqa: S608  constants

# In the order of the names, so that two cannot deadlock.
SEALED_ENTERED = """
INSERT INTO email_addresses AS b (name, sealed, sealed_by, domains)
SELECT name, sealed, :sealed_by::text, domains::text[] FROM named
WHERE name <> address AND NOT is_kept AND EXISTS (SELECT FROM claimed WHERE state <> 'unknown')
ORDER BY name
ON CONFLICT (name) DO UPDATE SET used_at = now() RETURNING 1
"""


def parameters(engine: Engine, recipients: Sequence[str]) -> dict[str, object]:
    """What the statement has to know of the recipients, normalised addresses."""
    keys, encryption = keys_of(engine), encryption_of(engine)
    known: list[tuple[str | None, str | None, str | None]] = []
    for each in recipients:
        known.append((each, each, None))
        known += [(each, key.digest(each), key.id) for key in keys.keys if is_hidden(each)]
    known += [(None, None, None)] * (PLANNED_NAMES - len(known))
    terms: dict[str, object] = {
        "recipients": recipients,
        "addresses": [address for address, _name, _key in known],
        "names": [name for _address, name, _key in known],
        "fingerprints": fingerprints(engine),
    }
    if encryption:
        terms |= {
            "made_with": [key for _address, _name, key in known],
            "sealed": [encryption.keys[0].seal(each) for each in recipients],
            "domains": [domains_of(keys, each) for each in recipients],
            "sealed_by": encryption.keys[0].id,
        }
    return terms
