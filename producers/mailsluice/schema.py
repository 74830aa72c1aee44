"""Writes the JSON Schemas of the contract, for producers in any language.

    python -m mailsluice.schema [DIRECTORY]

Without a directory it renews `producers/schema/` of the checkout that it runs from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailsluice.bulk import BulkJob
from mailsluice.mailing import VERSION
from mailsluice.message import Message
from mailsluice.wire import DELIVER, DELIVER_BULK, MAX_SQS_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailsluice.contract import Contract

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CHECKOUT: Final = Path(__file__).parents[1] / "schema"

_ENVELOPE: Final[dict[str, Any]] = {
    "description": "The body of an SQS message: a Celery message, protocol 2, as JSON in UTF-8 "
    f"of at most {MAX_SQS_BYTES:,} bytes. The whole may be wrapped in base64.",
    "type": "object",
    "required": ["body", "content-type", "headers", "properties"],
    "properties": {
        "body": {
            "type": "string",
            "description": "JSON text of [[job], {}, {}]; the job is a message or a bulk job.",
            "contentMediaType": "application/json",
            "contentSchema": {
                "type": "array",
                "prefixItems": [
                    {
                        "type": "array",
                        "prefixItems": [{"type": "object"}],
                        "minItems": 1,
                        "maxItems": 1,
                    },
                    {"type": "object", "maxProperties": 0},
                    {"type": ["object", "null"]},
                ],
                "minItems": 3,
                "maxItems": 3,
            },
        },
        "content-type": {"const": "application/json"},
        "content-encoding": {"type": "string", "default": "utf-8"},
        "headers": {
            "type": "object",
            "required": ["task", "id"],
            "properties": {
                "task": {"enum": [DELIVER, DELIVER_BULK]},
                "id": {"type": "string", "description": "Best the id of the message."},
            },
        },
        "properties": {
            "type": "object",
            "properties": {
                "body_encoding": {
                    "enum": ["utf-8", "base64"],
                    "description": "base64 if `body` is base64 of its JSON text.",
                },
                "delivery_info": {
                    "type": "object",
                    "properties": {
                        "routing_key": {"type": "string", "description": "The queue's name."}
                    },
                },
            },
        },
    },
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas by file name."""
    message = _of_model(Message, "message")
    message["allOf"] = [_an_id(), _a_recipient(), _one_content()]
    return {
        f"message-v{VERSION}.json": message,
        f"bulk-v{VERSION}.json": _of_model(BulkJob, "bulk"),
        f"envelope-v{VERSION}.json": _head("envelope") | _ENVELOPE,
    }


def _of_model(model: type[Contract], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = _tidied(model.model_json_schema())
    return _head(name) | schema


def _head(name: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": f"urn:mailsluice:{name}:v{VERSION}"}


def _tidied(schema: Any) -> Any:  # noqa: ANN401  any JSON
    """Without what only Python's reader needs: titles, null defaults, what is raised."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return dict(_tidied_items(schema))


def _tidied_items(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name == "description" and isinstance(value, str):
            yield name, " ".join(value.split("\n\nRaises:")[0].split())
        elif (name, type(value)) != ("title", str) and (name, value) != ("default", None):
            yield name, _tidied(value)


def _given(name: str, **must: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON Schema keyword
    return {"required": [name], "properties": {name: must}}


def _absent(*names: str) -> dict[str, Any]:
    return {"properties": {name: {"type": ["null"]} for name in names}}


def _an_id() -> dict[str, Any]:
    return {"anyOf": [_given("id", type="string"), _given("idempotency_key", type="string")]}


def _a_recipient() -> dict[str, Any]:
    return {"anyOf": [_given(name, minItems=1) for name in ("to", "cc", "bcc")]}


def _one_content() -> dict[str, Any]:
    simple = _given("subject", type="string") | {
        "anyOf": [_given("text", type="string"), _given("html", type="string")]
    }
    nothing = {"maxItems": 0, "maxProperties": 0}
    finished = dict.fromkeys(("reply_to", "headers", "attachments"), nothing)
    return {
        "oneOf": [
            {"allOf": [simple, _absent("template", "raw")]},
            {
                "allOf": [
                    _given("template", type="object"),
                    _absent("subject", "text", "html", "raw"),
                ]
            },
            {
                "allOf": [
                    _given("raw", type="string"),
                    _absent("subject", "text", "html", "template", "unsubscribe"),
                    {"properties": finished},
                ]
            },
        ]
    }


def main(arguments: list[str]) -> int:
    """Write the files and return the exit code."""
    directory = Path(arguments[0]) if arguments else _CHECKOUT
    if not directory.is_dir():
        sys.stderr.write(f"{directory} is no directory: name one to write the schemas to.\n")
        return 2
    for name, schema in schemas().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        (directory / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
