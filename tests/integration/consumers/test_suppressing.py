"""What SES puts on the queue becomes the list that the operator's settings ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from db.suppression_changes import history
from db.suppressions import find

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from sqlalchemy import Engine


def scopes(engine: Engine, address: str) -> dict[str, str]:
    return {each.scope: each.reason for each in find(engine, address)}


def test_an_unsubscribe_stops_the_stream_of_its_message_as_the_ledger_knows_it(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    """The sample's tag names another stream than the ledger."""
    sent = send()
    mailbox.put([sent.in_sns("subscription"), sent.event("subscription")])
    drain.start().until_empty().stop()
    assert scopes(engine, sent.address) == {"marketing": "unsubscribe"}
    [change] = history(engine, sent.address)
    assert (change.action, change.message_id) == ("added", sent.message_id)
    assert change.event is not None
    assert change.event.startswith("subscription:")
    assert drain.count("email_suppressions_total", reason="unsubscribe") == 1


def test_an_unsubscribe_from_mail_that_is_not_in_the_ledger_stops_the_stream_of_its_tag(
    engine: Engine, mailbox: Any, samples: Callable[[str], Any], drain: Any
) -> None:
    mailbox.put([samples("subscription")])
    drain.start().until_empty().stop()
    assert scopes(engine, "ada@example.com") == {"transactional": "unsubscribe"}


def soft_bounce(sent: Any, days_ago: float) -> dict[str, Any]:
    """A full mailbox: another message to the address, at a time of its own."""
    body: dict[str, Any] = sent.event("bounce_mailbox_full")
    at = datetime.now(UTC) - timedelta(days=days_ago)
    body["bounce"]["timestamp"] = at.isoformat()
    body["bounce"]["feedbackId"] = f"feedback-{uuid4()}"
    body["mail"] |= {"messageId": f"ses-{uuid4()}", "tags": {}}
    return body


def test_full_mailboxes_are_left_in_peace_for_a_while(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    sent = send()
    bodies = [soft_bounce(sent, days) for days in (0.3, 0.2, 0.1)]
    mailbox.put(bodies + bodies)
    drain.start().until_empty().stop()
    [entry] = find(engine, sent.address)
    assert entry.reason == "soft_bounce"
    assert entry.expires_at is not None
    left = entry.expires_at - datetime.now(UTC)
    assert timedelta(hours=20) < left < timedelta(hours=22)
    assert len(history(engine, sent.address)) == 1
    assert drain.count("email_suppressions_total", reason="soft_bounce") == 1


def test_a_server_that_refuses_the_sender_is_an_alert_and_no_suppression(
    engine: Engine,
    mailbox: Any,
    send: Callable[[], Any],
    drain: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = send()
    mailbox.put([sent.in_sns("bounce_policy_refusal")] * 2)
    drain.start().until_empty().stop()
    assert find(engine, sent.address) == []
    assert drain.count("email_policy_refusals_total") == 1
    told = capsys.readouterr().out
    assert told.count("servers refuse the sender") == 1
    assert sent.address not in told


def test_the_list_of_the_account_is_mirrored_without_weakening_what_is_known(
    engine: Engine, mailbox: Any, send: Callable[[], Any], drain: Any
) -> None:
    known, new = send(), send()
    mailbox.put(
        [known.in_sns("bounce_permanent"), new.in_sns("bounce_on_account_suppression_list")]
    )
    mailbox.put([known.in_sns("bounce_on_account_suppression_list")])
    drain.start().until_empty().stop()
    assert scopes(engine, known.address) == {"*": "bounce"}
    assert scopes(engine, new.address) == {"*": "account_list"}
