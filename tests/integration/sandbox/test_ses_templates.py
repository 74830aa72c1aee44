"""Templates: kept, filled in, and failing late when data are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.aws.control import Control
    from tests.integration.sandbox.conftest import Aws, Outbox


@pytest.fixture
def template(simulator: Aws) -> str:
    simulator.ses.create_email_template(
        TemplateName="welcome",
        TemplateContent={
            "Subject": "Hello {{name}}",
            "Html": "<p>{{name}}</p>",
            "Text": "{{name}}",
        },
    )
    return "welcome"


def templated(name: str, data: str) -> dict[str, Any]:
    """Content of a templated send."""
    return {"Template": {"TemplateName": name, "TemplateData": data}}


def test_templates_are_created_changed_listed_and_deleted(simulator: Aws, template: str) -> None:
    ses = simulator.ses
    ses.update_email_template(TemplateName=template, TemplateContent={"Subject": "Hi", "Text": "x"})

    assert ses.get_email_template(TemplateName=template)["TemplateContent"]["Subject"] == "Hi"
    (listed,) = ses.list_email_templates()["TemplatesMetadata"]
    assert listed["TemplateName"] == template

    ses.delete_email_template(TemplateName=template)
    with pytest.raises(ses.exceptions.NotFoundException):
        ses.get_email_template(TemplateName=template)


def test_a_template_is_not_created_twice(simulator: Aws, template: str) -> None:
    with pytest.raises(simulator.ses.exceptions.AlreadyExistsException):
        simulator.ses.create_email_template(TemplateName=template, TemplateContent={"Subject": "x"})


def test_a_template_can_be_tried_out(simulator: Aws, template: str) -> None:
    rendered = simulator.ses.test_render_email_template(
        TemplateName=template, TemplateData='{"name": "<Ada>"}'
    )["RenderedTemplate"]

    assert "Subject: Hello <Ada>" in rendered
    assert "<p>&lt;Ada&gt;</p>" in rendered


def test_a_templated_mail_is_sent(outbox: Outbox, control: Control, template: str) -> None:
    outbox.send(Content=templated(template, '{"name": "Ada"}'))

    send, delivery = outbox.events(2)

    assert control.sends()[0].content_kind == "template"
    assert (send["eventType"], delivery["eventType"]) == ("Send", "Delivery")
    assert "Subject" not in {header["name"] for header in send["mail"]["headers"]}


def test_missing_data_are_reported_after_acceptance(outbox: Outbox, template: str) -> None:
    message_id = outbox.send(Content=templated(template, "{}"))

    (event,) = outbox.events(1)

    assert event["eventType"] == "Rendering Failure"
    assert event["failure"] == {
        "templateName": "welcome",
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
    }
    assert event["mail"]["messageId"] == message_id
    assert "headers" not in event["mail"]


def test_data_that_are_no_json_object_are_refused_at_once(outbox: Outbox, template: str) -> None:
    for data in ("{", "[]"):
        assert outbox.refusal(Content=templated(template, data))[0] == "BadRequestException"


def test_a_template_may_come_with_the_mail(outbox: Outbox) -> None:
    inline = {"Subject": "Hi {{name}}", "Text": "Dear {{name}}"}
    outbox.send(
        Content={"Template": {"TemplateContent": inline, "TemplateData": '{"name": "Ada"}'}}
    )

    assert [event["eventType"] for event in outbox.events(2)] == ["Send", "Delivery"]
