"""What SQS counts as a message's size, and which texts it takes."""

from __future__ import annotations

import pytest

from sandbox.aws.sqs import bodies
from sandbox.aws.sqs.errors import SqsError


def test_the_size_counts_bytes_and_attributes() -> None:
    attributes = {"näme": {"DataType": "String", "StringValue": "wört"}}

    assert bodies.size_bytes("ü", {}) == 2
    assert bodies.size_bytes("ü", attributes) == 2 + 5 + 6 + 5


def test_a_binary_value_counts_decoded() -> None:
    attributes = {"n": {"DataType": "Binary", "BinaryValue": "AAEC"}}

    assert bodies.size_bytes("", attributes) == 1 + 6 + 3


@pytest.mark.parametrize("text", ["\t\n\r ~", "\ud7ff", "\ue000", "\ufffd", "\U0001f4e8"])
def test_every_character_of_xml_is_taken(text: str) -> None:
    assert bodies.check_body(text) == text


@pytest.mark.parametrize("character", ["\x01", "\x0c", "\ud800", "\uffff"])
def test_other_characters_are_not(character: str) -> None:
    with pytest.raises(SqsError) as refused:
        bodies.check_body(f"a{character}")

    assert refused.value.shape == "InvalidMessageContents"


@pytest.mark.parametrize(
    "attributes",
    [
        {f"a{number}": {"DataType": "String", "StringValue": "x"} for number in range(11)},
        {"AWS.secret": {"DataType": "String", "StringValue": "x"}},
        {"a b": {"DataType": "String", "StringValue": "x"}},
        {"a": {"DataType": "Text", "StringValue": "x"}},
        {"a": {"DataType": "String", "StringValue": ""}},
        {"a": {"DataType": "Binary", "StringValue": "x"}},
    ],
    ids=["eleven", "reserved", "space", "type", "empty", "no binary"],
)
def test_attributes_that_sqs_would_not_take_are_refused(attributes: bodies.Attributes) -> None:
    with pytest.raises(SqsError) as refused:
        bodies.check_attributes(attributes)

    assert refused.value.shape == "InvalidParameterValue"
