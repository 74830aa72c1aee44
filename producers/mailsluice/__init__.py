"""Enqueue e-mail for Mailsluice."""

from __future__ import annotations

from mailsluice.addresses import normalise_address
from mailsluice.bulk import BulkJob, BulkMessage, Destination
from mailsluice.client import Mailsluice
from mailsluice.content import Attachment, S3Object, Template, Unsubscribe
from mailsluice.errors import (
    ConfigurationError,
    EnqueueError,
    EnqueueInterruptedError,
    EnvelopeError,
    MailsluiceError,
    MessageError,
    Problem,
    QueueNotFoundError,
    UnsupportedVersion,
)
from mailsluice.ids import derived_id
from mailsluice.message import Message
from mailsluice.report import Failure, Report
from mailsluice.wire import (
    DELIVER,
    DELIVER_BULK,
    Envelope,
    decode,
    envelope,
    envelope_for,
    parse_bulk_job,
    parse_job,
)

__all__ = [
    "DELIVER",
    "DELIVER_BULK",
    "Attachment",
    "BulkJob",
    "BulkMessage",
    "ConfigurationError",
    "Destination",
    "EnqueueError",
    "EnqueueInterruptedError",
    "Envelope",
    "EnvelopeError",
    "Failure",
    "Mailsluice",
    "MailsluiceError",
    "Message",
    "MessageError",
    "Problem",
    "QueueNotFoundError",
    "Report",
    "S3Object",
    "Template",
    "Unsubscribe",
    "UnsupportedVersion",
    "decode",
    "derived_id",
    "envelope",
    "envelope_for",
    "normalise_address",
    "parse_bulk_job",
    "parse_job",
]
