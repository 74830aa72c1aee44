"""Makes a `Mail` of each form of content: Simple, Template and Raw."""

from __future__ import annotations

import base64
import binascii
from email.parser import BytesParser
from email.utils import formataddr, getaddresses
from typing import TYPE_CHECKING, Any

from sandbox.aws.ses import checks
from sandbox.aws.ses.errors import bad_request
from sandbox.aws.ses.mail import Mail
from sandbox.aws.ses.templates import RenderingError, parse_data, render

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from sandbox.aws.ses.templates import Templates

Json = dict[str, Any]

_EICAR = base64.b64decode(  # encoded, lest a virus scanner takes this file for infected
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)
_BASE64_GROWTH = 4 / 3


def from_call(params: Json, templates: Templates) -> Mail:
    """The mail of a SendEmail call.

    Raises:
        SesError: SES would refuse it for its form.
    """
    content = params.get("Content") or {}
    kinds = [kind for kind in ("Simple", "Raw", "Template") if content.get(kind)]
    if len(kinds) != 1:
        raise bad_request("Content has exactly one of Simple, Raw and Template.")
    if kinds[0] == "Raw":
        mail = _raw(params, content["Raw"])
    else:
        mail = _addressed(params, params.get("Destination"), kinds[0].lower())
        if kinds[0] == "Simple":
            _add_simple(mail, content["Simple"])
        else:
            add_template(mail, content["Template"], templates, {})
    _finish(mail, params)
    return mail


def for_bulk_entry(params: Json, entry: Json, templates: Templates) -> Mail:
    """The mail of one entry of a SendBulkEmail call.

    Raises:
        SesError: SES would refuse the entry for its form.
    """
    mail = _addressed(params, entry.get("Destination"), "template")
    replacement = (entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}
    data = parse_data(replacement.get("ReplacementTemplateData") or "{}")
    add_template(mail, params["DefaultContent"]["Template"], templates, data)
    replaced = checks.headers(entry.get("ReplacementHeaders"))
    names = {name.lower() for name, _ in replaced}
    mail.headers = [pair for pair in mail.headers if pair[0].lower() not in names] + replaced
    mail.tags = checks.tags(params.get("DefaultEmailTags")) | checks.tags(
        entry.get("ReplacementTags")
    )
    mail.configuration_set = params.get("ConfigurationSetName")
    checks.check_size(mail.size_bytes)
    return mail


def add_template(mail: Mail, template: Json, templates: Templates, overlay: Json) -> None:
    """Render a template into a mail; missing data are noted, as SES reports them only later.

    Raises:
        SesError: There is no such template, or the data are no JSON object.
    """
    name = template.get("TemplateName") or str(template.get("TemplateArn", "")).rpartition("/")[2]
    content = template.get("TemplateContent") or templates.content(name)
    data = parse_data(template.get("TemplateData") or "{}") | overlay
    try:
        parts = render(content, data)
    except RenderingError as error:
        mail.failure = (name, str(error))
        parts = {}
    mail.headers += checks.headers(template.get("Headers"))
    mail.size_bytes = sum(len(part.encode()) for part in parts.values())
    _add_attachments(mail, template.get("Attachments"))


def _addressed(params: Json, destination: Json | None, kind: str) -> Mail:
    source = params.get("FromEmailAddress")
    if not source:
        raise bad_request("FromEmailAddress is missing.")
    to, cc, bcc = checks.destination(destination)
    mail = Mail(str(source), to, cc, bcc, kind, reply_to=list(params.get("ReplyToAddresses") or ()))
    mail.headers = [("From", mail.source)]
    for name, addresses in (("To", to), ("Cc", cc), ("Reply-To", mail.reply_to)):
        if addresses:
            mail.headers.append((name, ", ".join(addresses)))
    mail.headers.append(("MIME-Version", "1.0"))
    return mail


def _finish(mail: Mail, params: Json) -> None:
    tags = checks.tags(params.get("EmailTags"))
    mail.tags = tags or mail.tags
    mail.configuration_set = params.get("ConfigurationSetName") or mail.configuration_set
    checks.check_size(mail.size_bytes)


def _add_simple(mail: Mail, simple: Json) -> None:
    subject = (simple.get("Subject") or {}).get("Data")
    body = simple.get("Body") or {}
    parts = [str((body.get(kind) or {}).get("Data") or "") for kind in ("Text", "Html")]
    if subject is None or not any(kind in body for kind in ("Text", "Html")):
        raise bad_request("A simple message needs a subject and a body.")
    mail.subject = str(subject)
    mail.headers.append(("Subject", mail.subject))
    mail.headers += checks.headers(simple.get("Headers"))
    mail.size_bytes = len(mail.subject.encode()) + sum(len(part.encode()) for part in parts)
    _add_attachments(mail, simple.get("Attachments"))


def _add_attachments(mail: Mail, attachments: list[Json] | None) -> None:
    for attachment in attachments or ():
        content = _decoded(attachment.get("RawContent"))
        if not attachment.get("FileName"):
            raise bad_request("An attachment needs a file name.")
        mail.size_bytes += int(len(content) * _BASE64_GROWTH)
        mail.has_virus |= _EICAR in content


def _raw(params: Json, raw: Json) -> Mail:
    data = _decoded(raw.get("Data"))
    message = BytesParser().parsebytes(data)
    source = params.get("FromEmailAddress") or message.get("From")
    if not source:
        raise bad_request("Missing required header 'From'.")
    if params.get("Destination"):
        to, cc, bcc = checks.destination(params["Destination"])
    else:
        to, cc, bcc = (_addresses(message, name) for name in ("To", "Cc", "Bcc"))
        checks.check_recipient_count(len(to) + len(cc) + len(bcc))
    return Mail(
        str(source),
        to,
        cc,
        bcc,
        "raw",
        headers=[(name, str(value)) for name, value in message.items() if name.lower() != "bcc"],
        subject=message.get("Subject"),
        reply_to=_addresses(message, "Reply-To"),
        tags=_header_tags(str(message.get("X-SES-MESSAGE-TAGS", ""))),
        configuration_set=message.get("X-SES-CONFIGURATION-SET"),
        size_bytes=len(data),
        has_virus=any(_EICAR in part for part in _contents(message)),
    )


def _decoded(data: object) -> bytes:
    try:
        return base64.b64decode(str(data or ""), validate=True)
    except binascii.Error:
        raise bad_request("Data is not valid base64.") from None


def _addresses(message: Message, name: str) -> list[str]:
    pairs = getaddresses([str(value) for value in message.get_all(name, [])])
    return [formataddr(pair) if pair[0] else pair[1] for pair in pairs if pair[1]]


def _header_tags(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return checks.tags([{"Name": name.strip(), "Value": value.strip()} for name, _, value in pairs])


def _contents(message: Message) -> Iterable[bytes]:
    for part in message.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield content
