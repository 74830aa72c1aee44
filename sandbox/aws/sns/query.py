"""The AWS Query protocol: form fields in, XML out.

Source: Smithy specification, "AWS query protocol".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"

Fields = dict[str, Any]


class Entries(dict[str, str]):
    """A map, to be written as `entry` elements; a plain dict is written as a structure."""


def parse(body: bytes) -> Fields:
    """Nest dotted form fields: maps of `entry.N` and lists of `member.N` become dicts and lists."""
    tree: Fields = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        *path, last = name.split(".")
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        node[last] = value
    return {name: _collapsed(value) for name, value in tree.items()}


def response(action: str, result: Fields | None, request_id: str) -> bytes:
    """The XML of a successful call; `result` None where the operation has no output."""
    wrapped = "" if result is None else f"<{action}Result>{_xml(result)}</{action}Result>"
    return (
        f'<{action}Response xmlns="{NAMESPACE}">{wrapped}<ResponseMetadata><RequestId>{request_id}'
        f"</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def error(code: str, message: str, fault: str, request_id: str) -> bytes:
    """The XML of a refused call."""
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    ).encode()


def _collapsed(node: Any) -> Any:  # noqa: ANN401  a tree of any depth
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        return [_collapsed(item) for _, item in sorted(node["member"].items(), key=_number)]
    if set(node) == {"entry"} and isinstance(node["entry"], dict):
        entries = [_collapsed(item) for item in node["entry"].values()]
        return {_key(entry): _value(entry) for entry in entries}
    return {name: _collapsed(value) for name, value in node.items()}


def _number(item: tuple[str, object]) -> int:
    return int(item[0]) if item[0].isdecimal() else 0


def _key(entry: Fields) -> str:
    return str(entry.get("key", entry.get("Name", "")))


def _value(entry: Fields) -> Any:  # noqa: ANN401  a text, or the structure of a message attribute
    return entry.get("value", entry.get("Value", ""))


def _xml(value: object) -> str:
    if isinstance(value, Entries):
        return "".join(
            f"<entry><key>{escape(key)}</key><value>{escape(text)}</value></entry>"
            for key, text in value.items()
        )
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return escape(str(value))
