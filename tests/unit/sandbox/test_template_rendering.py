"""Templates are filled in as SES fills them in."""

from __future__ import annotations

import pytest

from sandbox.aws.ses.templates import RenderingError, render


def test_every_part_is_filled_in() -> None:
    content = {"Subject": "Hi {{name}}", "Text": "Dear {{ name }}", "Html": "<b>{{name}}</b>"}

    assert render(content, {"name": "Ada"}) == {
        "Subject": "Hi Ada",
        "Text": "Dear Ada",
        "Html": "<b>Ada</b>",
    }


def test_values_may_lie_deeper() -> None:
    data = {"user": {"name": "Ada"}}

    assert render({"Text": "{{user.name}}"}, data) == {"Text": "Ada"}


def test_html_is_escaped_unless_three_braces_ask_for_it_raw() -> None:
    data = {"name": "<Ada>"}

    assert render({"Html": "{{name}} {{{name}}}", "Text": "{{name}}"}, data) == {
        "Html": "&lt;Ada&gt; <Ada>",
        "Text": "<Ada>",
    }


@pytest.mark.parametrize("data", [{}, {"user": "Ada"}, {"user": {}}])
def test_what_is_missing_is_named(data: dict[str, object]) -> None:
    with pytest.raises(RenderingError, match=r"'user\.name' is not present in the rendering data"):
        render({"Text": "{{user.name}}"}, data)
