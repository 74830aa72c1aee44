"""The AWS Query protocol: nested form fields in, XML out."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from sandbox.aws.sns import query


def test_maps_and_lists_are_put_together() -> None:
    body = (
        b"Action=CreateTopic&Name=events"
        b"&Attributes.entry.1.key=Policy&Attributes.entry.1.value=%7B%7D"
        b"&Tags.member.2.Key=b&Tags.member.2.Value=2&Tags.member.1.Key=a&Tags.member.1.Value=1"
        b"&MessageAttributes.entry.1.Name=k.x&MessageAttributes.entry.1.Value.DataType=String"
        b"&MessageAttributes.entry.1.Value.StringValue=v.w"
    )

    assert query.parse(body) == {
        "Action": "CreateTopic",
        "Name": "events",
        "Attributes": {"Policy": "{}"},
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        "MessageAttributes": {"k.x": {"DataType": "String", "StringValue": "v.w"}},
    }


def test_answers_are_well_formed_whatever_they_hold() -> None:
    result = {"Topics": [{"TopicArn": "a<b>&c"}], "Attributes": query.Entries({"k": "</v>"})}

    root = ET.fromstring(query.response("ListTopics", result, "id"))  # noqa: S314  our own text

    names = {"sns": query.NAMESPACE}
    assert root.findtext(".//sns:Topics/sns:member/sns:TopicArn", namespaces=names) == "a<b>&c"
    assert root.findtext(".//sns:Attributes/sns:entry/sns:value", namespaces=names) == "</v>"


def test_an_operation_without_output_has_no_result() -> None:
    assert b"Result" not in query.response("DeleteTopic", None, "id")


def test_an_error_names_its_code_and_fault() -> None:
    root = ET.fromstring(query.error("NotFound", "No <such> topic", "Sender", "id"))  # noqa: S314  our own text

    names = {"sns": query.NAMESPACE}
    assert root.findtext("sns:Error/sns:Code", namespaces=names) == "NotFound"
    assert root.findtext("sns:Error/sns:Message", namespaces=names) == "No <such> topic"
    assert root.findtext("sns:Error/sns:Type", namespaces=names) == "Sender"
