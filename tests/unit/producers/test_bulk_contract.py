"""One template to many: each destination a message of its own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

import mailsluice
from mailsluice import BulkJob, BulkMessage, Destination, MessageError


def a_bulk(**fields: Any) -> BulkMessage:
    return BulkMessage(**{"template": "news", "stream": "marketing"} | fields)


def destinations(count: int) -> list[Destination]:
    return [Destination(to=f"user{number}@example.com") for number in range(count)]


def refusal(message: BulkMessage, to: list[Destination]) -> MessageError:
    with pytest.raises(MessageError) as error:
        BulkJob.of(message, to)
    return error.value


def test_a_bulk_job_travels_and_comes_back_the_same() -> None:
    message = a_bulk(data={"issue": "May"}, from_="news@example.com", tags={"campaign": "may"})
    first = Destination(to="ada@example.com", data={"name": "Ada"}, tags={"segment": "a"})
    job = BulkJob.of(message, [first, *destinations(3)])
    assert mailsluice.parse_bulk_job(job.to_wire()) == job
    assert job.destinations[0].recipients() == ["ada@example.com"]


def test_every_destination_has_an_id_of_its_own() -> None:
    ids = {destination.id for destination in BulkJob.of(a_bulk(), destinations(50)).destinations}
    assert len(ids) == 50


def test_a_destination_without_id_is_refused_when_it_comes_as_json() -> None:
    job = BulkJob.of(a_bulk(), destinations(1)).to_wire()
    job["destinations"] = [{"to": ["ada@example.com"]}]
    with pytest.raises(MessageError, match=r"destinations\[0\].id: is missing"):
        mailsluice.parse_bulk_job(job)


def test_more_than_fifty_recipients_are_refused() -> None:
    assert "name 51 recipients" in str(refusal(a_bulk(), destinations(51)))


def test_no_destination_is_refused() -> None:
    assert "at least one destination" in str(refusal(a_bulk(), []))


def test_a_destination_without_recipient_is_refused() -> None:
    with pytest.raises(MessageError, match="to: is empty"):
        Destination(to=[])


def test_one_id_for_two_destinations_is_refused() -> None:
    same = uuid4()
    twice = [Destination(to=f"{name}@example.com", id=same) for name in ("ada", "bob")]
    assert "the same id more than once" in str(refusal(a_bulk(), twice))


def test_tags_of_both_together_are_counted() -> None:
    many = a_bulk(tags={f"tag{number}": "1" for number in range(8)})
    same = Destination(to="ada@example.com", tags={"tag0": "2"})
    other = Destination(to="bob@example.com", tags={"tag8": "1"})
    assert BulkJob.of(many, [same]).destinations == (same,)
    assert "destinations[1]: has more than 8 tags" in str(refusal(many, [same, other]))


def test_unsubscribe_headers_of_a_destination_must_not_be_set_for_all() -> None:
    own = Destination(to="ada@example.com", unsubscribe={"url": "https://example.com/u/1"})
    message = a_bulk(headers={"List-Unsubscribe": "<https://example.com/u>"})
    assert "List-Unsubscribe, which unsubscribe sets" in str(refusal(message, [own]))


def test_a_bulk_message_needs_a_template() -> None:
    with pytest.raises(MessageError, match="template: is missing"):
        BulkMessage(stream="marketing")
