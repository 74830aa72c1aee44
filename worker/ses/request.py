"""From a message of the contract to the request that SES's `SendEmail` (API v2) takes."""

from __future__ import annotations

from email.utils import formataddr
from typing import TYPE_CHECKING, Any

from config.tags import MESSAGE_ID_TAG, STREAM_TAG
from db.ledger import Why
from mailsluice import normalise_address
from worker.ses.outcomes import Halt, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from config.settings import Settings
    from config.streams import Stream
    from mailsluice import Attachment, Message

UTF8 = "UTF-8"


class UnsupportedContentError(Exception):
    """The message asks for something that this version of the worker cannot do."""


def check_supported(message: Message) -> None:
    """Find out before the claim whether the message can be built at all.

    Raises:
        UnsupportedContentError: an attachment lies in S3.
    """
    if any(attachment.content is None for attachment in message.attachments):
        raise UnsupportedContentError(
            "attachments: one lies in S3, and this version of the worker cannot fetch it"
        )


def default_sender(settings: Settings) -> str | None:
    """The sender of messages that name none: EMAIL_FROM, with EMAIL_FROM_NAME if set."""
    if settings.email_from is None:
        return None
    return formataddr((settings.email_from_name or "", settings.email_from), "utf-8")


def no_sender() -> Halt:
    """The outcome of a message without a sender where the worker has none either."""
    reason = "The message names no sender (from), and EMAIL_FROM is not set for the worker."
    return Halt("no_sender", Why("NoSender", reason), Scope.MESSAGE)


def build(
    message: Message, stream: Stream, *, sender: str | None, blocked: frozenset[str]
) -> dict[str, Any]:
    """The keyword arguments of `SendEmail`, without the recipients that are `blocked`.

    `blocked` holds normalised addresses. Our id travels as a tag, so that every event names it.
    """
    request = {
        "FromEmailAddress": message.from_ or (None if message.raw else sender),
        "Destination": _destination(message, blocked),
        "ReplyToAddresses": list(message.reply_to),
        "Content": _content(message),
        "EmailTags": _tags(message),
        "ConfigurationSetName": message.configuration_set or stream.configuration_set,
        "TenantName": message.tenant if stream.ses_tenants else None,
    }
    return {name: value for name, value in request.items() if value}


def _destination(message: Message, blocked: frozenset[str]) -> dict[str, list[str]]:
    to, cc, bcc = (_allowed(each, blocked) for each in (message.to, message.cc, message.bcc))
    if not to and cc:
        # SES refuses a message without To; whom a copy was meant for may as well be told.
        to, cc = cc, []
    named = {"ToAddresses": to, "CcAddresses": cc, "BccAddresses": bcc}
    return {name: addresses for name, addresses in named.items() if addresses}


def _allowed(addresses: Sequence[str], blocked: frozenset[str]) -> list[str]:
    return [address for address in addresses if normalise_address(address) not in blocked]


def _content(message: Message) -> dict[str, Any]:
    if message.raw is not None:
        return {"Raw": {"Data": message.raw}}
    extras: dict[str, Any] = {
        "Headers": _headers(message),
        "Attachments": [_attachment(each) for each in message.attachments],
    }
    body = {name: value for name, value in extras.items() if value}
    if message.template is not None:
        template = message.template
        body |= {"TemplateName": template.name, "TemplateData": template.data_json}
        return {"Template": body}
    return {"Simple": body | _simple(message)}


def _simple(message: Message) -> dict[str, Any]:
    parts = {"Text": message.text, "Html": message.html}
    return {
        "Subject": {"Data": message.subject or "", "Charset": UTF8},
        "Body": {
            name: {"Data": text, "Charset": UTF8}
            for name, text in parts.items()
            if text is not None
        },
    }


def _headers(message: Message) -> list[dict[str, str]]:
    unsubscribe = message.unsubscribe.headers if message.unsubscribe else {}
    # The contract has seen to it that all values are ASCII, as SES wants them.
    return [
        {"Name": name, "Value": value} for name, value in {**message.headers, **unsubscribe}.items()
    ]


def _attachment(attachment: Attachment) -> dict[str, Any]:
    fields = {
        "FileName": attachment.filename,
        "RawContent": attachment.content,
        "ContentType": attachment.content_type,
        "ContentDisposition": attachment.disposition.upper(),
        "ContentId": attachment.content_id,
        "ContentDescription": attachment.description,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tags(message: Message) -> list[dict[str, str]]:
    ours: Mapping[str, str] = {MESSAGE_ID_TAG: str(message.id), STREAM_TAG: message.stream}
    return [{"Name": name, "Value": value} for name, value in {**message.tags, **ours}.items()]
