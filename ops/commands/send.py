"""`mailsluice send`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import ConfigurationError
from config.settings import Settings, load_settings
from ops.enqueueing import Enqueued, enqueue
from ops.examples import examples
from ops.exits import ExitCode
from ops.message_fields import (
    attachments_from,
    data_from,
    headers_from,
    message_from,
    tags_from,
)
from ops.message_file import read_messages
from ops.output import AsJson, note, print_json, print_lines
from ops.stream_names import known_stream

if TYPE_CHECKING:
    from mailsluice import Message

Texts = list[str] | None
_TIME = "such as 2030-01-31T09:30:00Z"


@examples(
    'mailsluice send --to ada@example.com --subject Hello --text "Hello Ada"',
    'mailsluice send --to ada@example.com --template welcome --data \'{"name": "Ada"}\' \\',
    "    --stream marketing --tag campaign=spring",
    "mailsluice send --json-file messages.jsonl",
)
def send(  # noqa: PLR0913  one option for each field of a message
    *,
    to: Annotated[Texts, typer.Option(metavar="ADDRESS", help="Recipient; repeatable.")] = None,
    cc: Annotated[Texts, typer.Option(metavar="ADDRESS", help="Repeatable.")] = None,
    bcc: Annotated[Texts, typer.Option(metavar="ADDRESS", help="Repeatable.")] = None,
    sender: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="By default EMAIL_FROM.")
    ] = None,
    subject: Annotated[str | None, typer.Option()] = None,
    text: Annotated[str | None, typer.Option(help="Body as plain text.")] = None,
    html: Annotated[str | None, typer.Option(help="Body as HTML.")] = None,
    template: Annotated[str | None, typer.Option(help="Name of an SES template.")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Values for the template.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="By default transactional.")] = None,
    tag: Annotated[Texts, typer.Option(metavar="NAME=VALUE", help="Repeatable.")] = None,
    header: Annotated[Texts, typer.Option(metavar="'NAME: VALUE'", help="Repeatable.")] = None,
    attach: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Repeatable."),
    ] = None,
    send_at: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Not before this time, {_TIME}.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not after this time.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The same key is sent once, for ever.")
    ] = None,
    json_file: Annotated[
        typer.FileText | None,
        typer.Option(
            metavar="FILE",
            encoding="utf-8",
            help="Whole messages: one JSON object, an array, or one object a line; - for stdin.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put mail into its queue and print its id, one a line.

    A file is checked as a whole before anything of it is sent. Ends with 1 when some of its
    messages were not queued.
    """
    settings = load_settings()
    fields = _given(
        to=to or None,
        cc=cc or None,
        bcc=bcc or None,
        from_=sender,
        subject=subject,
        text=text,
        html=html,
        template=template,
        data=data if data is None else data_from(data),
        stream=stream,
        tags=tags_from(tag or ()) or None,
        headers=headers_from(header or ()) or None,
        attachments=attachments_from(attach or ()) or None,
        send_at=send_at,
        expires_at=expires_at,
        idempotency_key=idempotency_key,
    )
    messages = _messages(fields, json_file)
    _check_streams(settings, messages)
    _report(enqueue(settings, messages), as_json=as_json)


def _given(**values: Any) -> dict[str, Any]:  # noqa: ANN401  any option's type
    return {name: value for name, value in values.items() if value is not None}


def _messages(fields: dict[str, Any], json_file: typer.FileText | None) -> list[Message]:
    if json_file is None:
        return [message_from(fields)]
    if fields:
        raise ConfigurationError(
            "--json-file brings whole messages: leave out all options that describe one."
        )
    return read_messages(json_file)


def _check_streams(settings: Settings, messages: list[Message]) -> None:
    for name in {message.stream for message in messages}:
        known_stream(settings, name)


def _report(done: Enqueued, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        print_lines(*(str(message_id) for message_id in done.queued))
        for failed in done.failed:
            note(f"Not queued: {failed.id}: {failed.reason}")
        if done.interrupted:
            note(done.interrupted)
    if done.failed:
        raise typer.Exit(ExitCode.NO)
