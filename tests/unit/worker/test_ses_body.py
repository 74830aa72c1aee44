"""The body of a send is botocore's, byte for byte, and nothing wrong is ever written."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.serialize import create_serializer
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from config.streams import Stream
from mailsluice import Attachment, Message
from worker.ses import request as ses_request
from worker.ses.body import BodyWriter, NotOrdinaryError

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

STREAM = Stream(name="receipts", queue="receipts", configuration_set="receipts")


@cache
def send_email() -> OperationModel:
    return get_session().get_service_model("sesv2").operation_model("SendEmail")


@cache
def writer() -> BodyWriter:
    return BodyWriter(send_email().input_shape)


def written_by_botocore(request: dict[str, Any]) -> bytes:
    """Checked and serialised as a boto3 client does; raises ParamValidationError."""
    serializer = create_serializer("rest-json", include_validation=True)
    return serializer.serialize_to_request(request, send_email())["body"]


def requests(shape: Shape, broken: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Whatever the model allows; with `broken`, that may stand in any place of it."""
    proper = proper_values(shape, broken)
    return (
        proper
        if broken is None
        else st.integers(0, 30).flatmap(lambda n: broken if not n else proper)
    )


def proper_values(shape: Shape, broken: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Any]:
    shortest = shape.metadata.get("min", 0)
    match shape.type_name:
        case "structure":
            members = {
                name: requests(member, broken)
                for name, member in shape.members.items()
                if name != "EndpointId"
            }
            required = {name: members.pop(name) for name in shape.required_members}
            if broken is not None:
                members |= required | {"Nonsense": st.text()}
                required = {}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            return st.lists(requests(shape.member, broken), min_size=shortest, max_size=2)
        case "blob":
            return st.binary(max_size=40)
        case "string":
            return st.text(st.characters(), min_size=shortest, max_size=20)
    raise AssertionError(f"the model has a {shape.type_name} now")


nonsense = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.binary(max_size=3).map(bytearray),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    st.just({1: 2}),
    st.just(object()),
)


@given(requests(send_email().input_shape))
def test_any_request_of_the_model_is_written_as_botocore_writes_it(request: dict[str, Any]) -> None:
    assert writer().write(request) == written_by_botocore(request)


@given(requests(send_email().input_shape, nonsense))
def test_what_botocore_would_refuse_is_never_written(request: dict[str, Any]) -> None:
    try:
        written = writer().write(request)
    except NotOrdinaryError:
        return
    assert written == written_by_botocore(request)


@pytest.mark.parametrize(
    "content",
    [
        {"subject": "Grüße", "text": "Hi", "html": "<p>Hi</p>", "headers": {"X-A": "a"}},
        {
            "subject": "Hello",
            "text": "Hi",
            "attachments": [Attachment("a.bin", bytes(range(256)))],
            "unsubscribe": {"url": "https://example.com/u/1"},
        },
        {"template": "welcome", "data": {"name": "Ada"}},
        {"raw": b"Subject: Hello\r\n\r\nHi\xff"},
    ],
)
def test_every_kind_of_message_is_ordinary(content: dict[str, Any]) -> None:
    message = Message(to=["ada@example.com", "bob@example.com"], tags={"a": "b"}, **content)
    request = ses_request.build(message, STREAM, sender="me@example.com", blocked=frozenset())
    assert writer().write(request) == written_by_botocore(request)


def test_an_endpoint_of_several_regions_is_left_to_botocore_which_signs_for_them() -> None:
    with pytest.raises(NotOrdinaryError):
        writer().write({"Content": {}, "EndpointId": "abc.123"})
