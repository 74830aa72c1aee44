"""Who is erased is in no table any more, and is not mailed. Real PostgreSQL."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from config.address_keys import is_digest
from config.errors import ConfigurationError
from config.settings import load_settings
from db import events, refused, suppressions
from db.claims import Candidate, Claimed, Settled, claim
from db.engine import check, connect
from db.erasing import erase
from db.event_names import by_name
from db.event_records import keep_bounces
from db.event_types import Bounce, Complaint, Event
from db.ledger import Held, Why, park
from db.messages import status
from db.models import Base
from db.scrubbing import encoded, pattern, scrub
from db.states import EventKind, RecipientState
from db.suppression_changes import history
from db.suppressions import Suppression
from sandbox.waiting import until
from tests.integration.db.keyed import waits_for_a_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy import Engine

ADA = "ada@example.com"
BOB = "bob@example.com"
KEY = "k1:" + base64.b64encode(b"1" * 32).decode()
NEXT_KEY = "k2:" + base64.b64encode(b"2" * 32).decode()
OTHER_SECRET = "k1:" + base64.b64encode(b"x" * 32).decode()


@pytest.fixture
def connected(database_url: str) -> Iterator[Callable[[str], Engine]]:
    """Gives engines of processes with these keys."""
    made: list[Engine] = []

    def connect_with(keys: str) -> Engine:
        made.append(connect(load_settings(database_url=database_url, address_keys=keys)))
        return made[-1]

    yield connect_with
    for each in made:
        each.dispose()


@pytest.fixture
def keyed(connected: Callable[[str], Engine]) -> Engine:
    return connected(KEY)


def candidate(*recipients: str, message_id: UUID | None = None) -> Candidate:
    job = {"to": list(recipients[:1]), "cc": list(recipients[1:]), "text": "Hello"}
    return Candidate(
        id=message_id or uuid4(), stream="marketing", recipients=recipients, payload=job
    )


def take(engine: Engine, wanted: Candidate) -> Claimed | Settled:
    won = claim(engine, wanted, lease_seconds=60, grace_seconds=300)
    assert isinstance(won, Claimed | Settled)
    return won


def parked(engine: Engine, *recipients: str) -> Candidate:
    wanted = candidate(*recipients)
    won = take(engine, wanted)
    assert isinstance(won, Claimed)
    why = Why("Throttled", "a reason")
    held = Held(wanted.id, won.attempt)
    park(engine, held, why, payload=wanted.payload, after_seconds=600, uses_attempt=False)
    return wanted


def bounce_of(address: str, *, message_id: UUID | None = None, about: str = "ses-1") -> Event:
    raw = {"mail": {"destination": [address], "commonHeaders": {"subject": "A secret"}}}
    bounce = Bounce(
        address=address,
        bounce_type="Permanent",
        bounce_subtype="General",
        feedback_id=f"feedback-{about}",
        bounced_at=datetime.now(UTC),
        diagnostic_code=f"550 <{address}> unknown",
    )
    return Event(
        identity=f"bounce:{about}",
        kind=EventKind.BOUNCE,
        occurred_at=datetime.now(UTC),
        raw=raw,
        raw_text=json.dumps(raw),
        ses_message_id=about,
        message_id=message_id,
        recipients={address: RecipientState.BOUNCED},
        bounces=[bounce],
        suppressions=[Suppression(address, "bounce", "event", note=address)],
    )


def everything(engine: Engine) -> str:
    """All that any table holds, as text."""
    told = []
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(text(f"SELECT t::text FROM {table.name} AS t"))  # noqa: S608
            told += [f"{table.name}: {row}" for row in rows.scalars()]
    return "\n".join(told)


def forget(engine: Engine, address: str) -> None:
    erase(engine, address, by="Grace")
    scrub(engine, address)


@pytest.fixture
def known(keyed: Engine) -> Engine:
    """Ada in every table there is."""
    wanted = parked(keyed, ADA)
    events.apply(keyed, [bounce_of(ADA, message_id=wanted.id)])
    complaint = Complaint(ADA, "feedback-2", datetime.now(UTC), user_agent=f"agent of {ADA}")
    unknown = replace(
        bounce_of(ADA, about="ses-2", message_id=uuid4()), bounces=[], complaints=[complaint]
    )
    elsewhere = replace(
        bounce_of(ADA, about="ses-4"),
        kind=EventKind.DELIVERY,
        recipients={ADA: RecipientState.DELIVERED},
        bounces=[],
        suppressions=[],
    )
    events.apply(keyed, [unknown, bounce_of(BOB, about="ses-3"), elsewhere])
    suppressions.add(keyed, [Suppression(BOB, "manual", "operator", note=f"not {ADA}")])
    told = "Write to Ada@Example.com."
    for number, body in enumerate((told, base64.b64encode(told.lower().encode()).decode())):
        refused.keep(keyed, queue="q", sqs_message_id=str(number), reason=f"no: {ADA}", body=body)
    with keyed.begin() as connection:
        connection.execute(
            text("UPDATE email_messages SET outcome_reason = :told"), {"told": f"no {ADA}"}
        )
    return keyed


def test_an_erased_address_is_in_no_table(known: Engine) -> None:
    assert ADA in everything(known)
    forget(known, ADA)
    left = everything(known).lower()
    assert ADA not in left
    # Bob's event is as it was.
    assert left.count("a secret") == 1
    assert BOB in left


def test_what_base64_hides_is_erased_as_well(known: Engine) -> None:
    forget(known, ADA)
    with known.begin() as connection:
        bodies = connection.execute(text("SELECT body FROM refused_messages")).scalars().all()
    assert bodies == ["[erased]", "[erased]"]


def test_who_is_erased_is_not_mailed_again(known: Engine) -> None:
    forget(known, ADA)
    later = candidate(ADA)
    assert take(known, later) == Settled(state="suppressed", by_this_claim=True)  # type: ignore[arg-type]
    assert ADA not in everything(known)


def test_who_was_never_suppressed_is_not_mailed_either_once_erased(keyed: Engine) -> None:
    forget(keyed, ADA)
    won = take(keyed, candidate(BOB, ADA))
    assert isinstance(won, Claimed)
    assert won.blocked == {ADA}


def test_a_message_that_waits_for_the_erased_alone_ends_unsent(keyed: Engine) -> None:
    wanted = parked(keyed, ADA)
    assert erase(keyed, ADA).ended == [wanted.id]
    found = status(keyed, wanted.id)
    assert found is not None
    assert (found.state, found.outcome_code) == ("failed", "Erased")
    assert take(keyed, wanted) == Settled(state="failed", by_this_claim=False)  # type: ignore[arg-type]


def test_others_still_get_the_message_that_waited_for_them_too(keyed: Engine) -> None:
    wanted = parked(keyed, ADA, BOB)
    assert erase(keyed, ADA).ended == []
    assert ADA not in everything(keyed)
    found = status(keyed, wanted.id)
    assert found is not None
    assert found.state == "parked"
    assert sorted(found.recipients.values()) == ["pending", "suppressed"]


def test_events_that_come_late_bring_no_address_back(known: Engine) -> None:
    forget(known, ADA)
    late = bounce_of(ADA, about="ses-9")
    applied = events.apply(known, [late, bounce_of(BOB, about="ses-8")])
    assert len(applied.bounces) == 2
    assert ADA not in everything(known)


def test_an_event_that_is_being_applied_is_waited_for_and_erased_as_well(keyed: Engine) -> None:
    event = bounce_of(ADA)
    erasing = threading.Thread(target=erase, args=(keyed, ADA))
    with keyed.begin() as consumer:
        [plain] = by_name(consumer, [event])
        erasing.start()
        until(lambda: waits_for_a_lock(keyed), "the erasure waits")
        assert keep_bounces(consumer, [plain], {})
    erasing.join()
    assert ADA not in everything(keyed)


def test_nobody_puts_an_erased_address_back_in_plain(known: Engine) -> None:
    forget(known, ADA)
    suppressions.add(known, [Suppression(ADA, "complaint", "import")])
    assert ADA not in everything(known)


def test_an_operator_finds_the_erased_by_address_and_may_take_them_off(known: Engine) -> None:
    forget(known, ADA)
    [entry] = suppressions.find(known, ADA)
    assert is_digest(entry.address)
    assert (entry.reason, entry.scope, entry.expires_at) == ("manual", "*", None)
    assert {change.note for change in history(known, ADA)} == {None, "erased"}
    assert suppressions.remove(known, ADA) == 1
    assert isinstance(take(known, candidate(ADA)), Claimed)


def test_to_erase_twice_changes_nothing(known: Engine) -> None:
    forget(known, ADA)
    before = everything(known)
    again = erase(known, ADA)
    assert set(again.rows.values()) == {0}
    assert set(scrub(known, ADA).values()) == {0}
    assert everything(known) == before


def test_without_a_key_nothing_is_erased(engine: Engine) -> None:
    suppressions.add(engine, [Suppression(ADA, "manual", "operator")])
    with pytest.raises(ConfigurationError, match="MAILSLUICE_ADDRESS_KEYS"):
        erase(engine, ADA)
    assert ADA in everything(engine)


def test_a_key_that_was_replaced_still_finds_whom_it_erased(
    connected: Callable[[str], Engine],
) -> None:
    forget(connected(KEY), ADA)
    rotated = connected(f"{NEXT_KEY},{KEY}")
    check(rotated)
    assert isinstance(take(rotated, candidate(ADA)), Settled)
    forget(rotated, BOB)
    [ada], [bob] = suppressions.find(rotated, ADA), suppressions.find(rotated, BOB)
    assert (ada.address[:8], bob.address[:8]) == ("hmac:k1:", "hmac:k2:")


@pytest.mark.parametrize(
    ("keys", "says"),
    [("", "lacks the key k1"), (NEXT_KEY, "lacks the key k1"), (OTHER_SECRET, "another secret")],
)
def test_no_process_starts_that_would_mail_the_erased(
    connected: Callable[[str], Engine], keys: str, says: str
) -> None:
    forget(connected(KEY), ADA)
    with pytest.raises(ConfigurationError, match=says):
        check(connected(keys))


def test_a_key_by_which_nobody_is_known_any_more_may_go(
    connected: Callable[[str], Engine],
) -> None:
    engine = connected(KEY)
    forget(engine, ADA)
    suppressions.remove(engine, ADA)
    check(connected(NEXT_KEY))


def test_a_digest_of_a_key_that_nobody_has_is_not_taken_onto_the_list(
    connected: Callable[[str], Engine],
) -> None:
    engine = connected(KEY)
    forget(engine, ADA)
    exported = suppressions.find(engine, ADA)
    with pytest.raises(ConfigurationError, match="lacks the key k1"):
        suppressions.add(connected(NEXT_KEY), exported)


@pytest.mark.parametrize(
    "told",
    [
        "ada@example.com",
        "<Ada@EXAMPLE.com>",
        "to ada@example.com.",
        "u?m=ada%40example.com&x",
        '{"a":"\\u003cada@example.com\\u003e"}',
        "line\\nada@example.com",
        "RFC822;ada@example.com",
    ],
)
def test_an_address_is_found_however_it_is_written(engine: Engine, told: str) -> None:
    assert finds(engine, "ada@example.com", told)


@pytest.mark.parametrize(
    "told",
    ["nada@example.com", "ada@example.company", "ada@example.com.au", "x.ada@example.com", "ada"],
)
def test_who_is_called_alike_is_left_alone(engine: Engine, told: str) -> None:
    assert not finds(engine, "ada@example.com", told)


@pytest.mark.parametrize("told", ["ada@bücher.example", 'ada@b\\u00fccher.example"'])
def test_a_domain_in_letters_of_its_own_is_found(engine: Engine, told: str) -> None:
    assert finds(engine, "ada@xn--bcher-kva.example", told)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_an_address_is_found_in_base64_wherever_it_begins(engine: Engine, before: str) -> None:
    written = base64.b64encode(f"{before} ada@example.com and more".encode()).decode()
    assert finds(engine, "ada@example.com", written)


def finds(engine: Engine, address: str, told: str) -> bool:
    terms: dict[str, Any] = {"told": told, "p": pattern(address), "e": encoded(address)}
    sql = text("SELECT CAST(:told AS text) ~* :p OR CAST(:told AS text) ~ :e")
    with engine.begin() as connection:
        return bool(connection.scalar(sql, terms))
