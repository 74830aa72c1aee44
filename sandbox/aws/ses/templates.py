"""Templates, and filling them in.

Source: Amazon SES developer guide, "Using templates to send personalized email".
"""

from __future__ import annotations

import html
import json
import re
import time
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses.errors import already_exists, bad_request, template_missing
from sandbox.aws.ses.paging import page

if TYPE_CHECKING:
    from sandbox.aws.service import Call

Json = dict[str, Any]

_PLACEHOLDER = re.compile(r"\{\{\{?\s*([A-Za-z_][\w.-]*)\s*\}?\}\}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_BYTES = 500 * 1024
_PARTS = ("Subject", "Text", "Html")


class RenderingError(Exception):
    """The data lacks what the template asks for."""


def parse_data(text: str) -> Json:
    """Template data as an object.

    Raises:
        SesError: The text is not a JSON object.
    """
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise bad_request("Template data must be a JSON object.")
    return data


def render(content: Json, data: Json) -> Json:
    """Fill in `{{name}}` and `{{name.part}}`; in HTML their values are escaped.

    Raises:
        RenderingError: A value is missing.
    """
    return {
        part: _filled(content[part], data, escapes=part == "Html")
        for part in _PARTS
        if content.get(part)
    }


class Templates:
    """Templates by name."""

    def __init__(self) -> None:
        self._templates: dict[str, Json] = {}

    def content(self, name: str) -> Json:
        """Subject, text and HTML of a template.

        Raises:
            SesError: There is none.
        """
        template = self._templates.get(name)
        if template is None:
            raise template_missing(name)
        content: Json = template["TemplateContent"]
        return content

    def create(self, call: Call) -> Json:
        """CreateEmailTemplate.

        Raises:
            SesError: It exists, or is unfit.
        """
        name = str(call.params.get("TemplateName", ""))
        if not _NAME.fullmatch(name):
            raise bad_request(f"Template name {name!r} is not valid.")
        if name in self._templates:
            raise already_exists(f"Template {name} already exists.")
        self._templates[name] = {
            "TemplateName": name,
            "TemplateContent": _checked(call.params.get("TemplateContent")),
            "CreatedTimestamp": time.time(),
        }
        return {}

    def get(self, call: Call) -> Json:
        """GetEmailTemplate.

        Raises:
            SesError: There is none.
        """
        name = str(call.params["TemplateName"])
        return {"TemplateName": name, "TemplateContent": self.content(name)}

    def list(self, call: Call) -> Json:
        """ListEmailTemplates.

        Raises:
            SesError: The page size or token is unfit.
        """
        entries = {
            name: {"TemplateName": name, "CreatedTimestamp": template["CreatedTimestamp"]}
            for name, template in self._templates.items()
        }
        return page("TemplatesMetadata", entries, call.params)

    def update(self, call: Call) -> Json:
        """UpdateEmailTemplate.

        Raises:
            SesError: There is none, or the new content is unfit.
        """
        name = str(call.params["TemplateName"])
        self.content(name)
        self._templates[name]["TemplateContent"] = _checked(call.params.get("TemplateContent"))
        return {}

    def delete(self, call: Call) -> Json:
        """DeleteEmailTemplate.

        Raises:
            SesError: There is none.
        """
        name = str(call.params["TemplateName"])
        self.content(name)
        del self._templates[name]
        return {}

    def test_render(self, call: Call) -> Json:
        """TestRenderEmailTemplate.

        Raises:
            SesError: There is no such template, or the data does not fill it.
        """
        content = self.content(str(call.params["TemplateName"]))
        try:
            parts = render(content, parse_data(str(call.params.get("TemplateData", ""))))
        except RenderingError as error:
            raise bad_request(str(error)) from None
        body = parts.get("Html") or parts.get("Text", "")
        return {"RenderedTemplate": f"Subject: {parts.get('Subject', '')}\r\n\r\n{body}"}


def _checked(content: Json | None) -> Json:
    if not content or not any(content.get(part) for part in _PARTS):
        raise bad_request("A template needs a subject, a text or an HTML part.")
    if sum(len(str(content.get(part) or "").encode()) for part in _PARTS) > _MAX_BYTES:
        raise bad_request(f"A template is at most {_MAX_BYTES} bytes.")
    return {part: content[part] for part in _PARTS if content.get(part)}


def _filled(text: str, data: Json, *, escapes: bool) -> str:
    def value_of(placeholder: re.Match[str]) -> str:
        found: Any = data
        for step in placeholder.group(1).split("."):
            if not isinstance(found, dict) or step not in found:
                raise RenderingError(
                    f"Attribute '{placeholder.group(1)}' is not present in the rendering data."
                )
            found = found[step]
        is_raw = placeholder.group(0).startswith("{{{")
        return html.escape(str(found)) if escapes and not is_raw else str(found)

    return _PLACEHOLDER.sub(value_of, text)
