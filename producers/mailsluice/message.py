"""The message: one e-mail to one set of recipients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID, uuid4

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from mailsluice.addresses import bare_address, each_once
from mailsluice.content import Attachment, Template, Unsubscribe
from mailsluice.fields import (
    MAX_RECIPIENTS,
    Addresses,
    Base64,
    FilledText,
    IdempotencyKey,
    Line,
    at_most,
)
from mailsluice.ids import ID_NAMESPACE, MessageId, derived_id, require_id
from mailsluice.mailing import DEFAULT_STREAM, Mailing
from mailsluice.problems import refusal, refusals

if TYPE_CHECKING:
    from datetime import datetime

MAX_SUBJECT_CHARACTERS = 998  # RFC 5322, section 2.1.1

_SIMPLE = ("subject", "text", "html")
_NOT_BESIDE_RAW = ("reply_to", "headers", "attachments", "unsubscribe")


def _new_id(checked: dict[str, Any]) -> UUID:
    key = checked["idempotency_key"]
    return uuid4() if key is None else derived_id(checked["stream"], key)


class Message(Mailing):
    """One e-mail to one set of recipients, with exactly one kind of content.

    Simple: `subject` and `text`, `html` or both. Template: the name of an SES template and `data`
    for it. Raw: a finished MIME message. Addresses may carry a name ("Ada <ada@example.com>").
    An address that is named twice, among `to`, `cc` and `bcc`, keeps its first place only.

    Raises:
        MessageError: naming every field that is wrong, and why.
    """

    idempotency_key: Annotated[
        IdempotencyKey | None,
        Field(description="The same key in the same stream is the same message, for ever."),
    ] = None
    id: Annotated[
        MessageId,
        Field(
            description="Identity of the message. With an idempotency_key it may be left out: it "
            f"is the UUIDv5 of `stream:idempotency_key` in the namespace {ID_NAMESPACE}."
        ),
    ] = Field(default_factory=_new_id)
    to: Annotated[Addresses, Field(description="At most 50 in to, cc and bcc together.")] = ()
    cc: Annotated[Addresses, Field(description="Receive a copy, seen by all.")] = ()
    bcc: Annotated[Addresses, Field(description="Receive a copy, seen by nobody else.")] = ()
    subject: Annotated[Line, *at_most(MAX_SUBJECT_CHARACTERS)] | None = None
    text: Annotated[FilledText | None, Field(description="Body as plain text.")] = None
    html: Annotated[FilledText | None, Field(description="Body as HTML.")] = None
    template: Annotated[Template | None, Field(description="SES template and its data.")] = None
    raw: Annotated[Base64 | None, Field(description="A whole MIME message.")] = None
    unsubscribe: Annotated[
        Unsubscribe | None, Field(description="How to leave the list; for all bulk mail.")
    ] = None

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the fields of the contract, all by name
            self,
            *,
            to: str | Sequence[str] = (),
            cc: str | Sequence[str] = (),
            bcc: str | Sequence[str] = (),
            reply_to: str | Sequence[str] = (),
            from_: str | None = None,
            subject: str | None = None,
            text: str | None = None,
            html: str | None = None,
            template: str | Template | None = None,
            data: Mapping[str, Any] | None = None,
            raw: bytes | None = None,
            headers: Mapping[str, str] | None = None,
            attachments: Sequence[Attachment] = (),
            tags: Mapping[str, str] | None = None,
            stream: str = DEFAULT_STREAM,
            configuration_set: str | None = None,
            send_at: datetime | None = None,
            expires_at: datetime | None = None,
            unsubscribe: Unsubscribe | Mapping[str, Any] | None = None,
            tenant: str | None = None,
            idempotency_key: str | None = None,
            id: UUID | str | None = None,  # noqa: A002  the field's name in the contract
        ) -> None: ...

    def recipients(self) -> list[str]:
        """All recipients as bare addresses: to, cc and bcc, in this order."""
        return [bare_address(address) for address in (*self.to, *self.cc, *self.bcc)]

    def to_wire(self) -> dict[str, JsonValue]:
        """The job as it lies on the queue."""
        return {"id": str(self.id), **super().to_wire()}

    _require_id = model_validator(mode="before")(require_id)

    @field_validator("id")
    @classmethod
    def _agree_with_key(cls, given: UUID, info: ValidationInfo) -> UUID:
        key, stream = info.data.get("idempotency_key"), info.data.get("stream")
        if key is not None and stream is not None and given != derived_id(stream, key):
            raise refusal("is not the id of this stream and idempotency_key: leave it out")
        return given

    @field_validator("to", "cc", "bcc")
    @classmethod
    def _each_address_once(cls, given: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        before = [address for name in ("to", "cc") for address in info.data.get(name, ())]
        return each_once((*before, *given))[len(before) :]

    @model_validator(mode="after")
    def _as_a_whole(self) -> Self:
        problems = [
            *self._recipient_problems(),
            *self._content_problems(),
            *self._time_problems(),
            *self._header_problems(self.unsubscribe),
        ]
        if problems:
            raise refusals(problems)
        return self

    def _recipient_problems(self) -> Iterator[tuple[str, str]]:
        count = len(self.to) + len(self.cc) + len(self.bcc)
        if not count:
            yield "to", "is missing: name at least one recipient in to, cc or bcc"
        if count > MAX_RECIPIENTS:
            yield "to", f"names {count} recipients with cc and bcc; SES takes {MAX_RECIPIENTS}"

    def _content_problems(self) -> Iterator[tuple[str, str]]:
        simple = [name for name in _SIMPLE if getattr(self, name) is not None]
        kinds = [*simple[:1], *(name for name in ("template", "raw") if getattr(self, name))]
        if not kinds:
            yield (
                "subject",
                "is missing: a message has subject and text or html, a template, or raw",
            )
        elif len(kinds) > 1:
            yield kinds[1], f"cannot be given together with {kinds[0]}: a message has one content"
        elif simple and self.subject is None:
            yield "subject", "is missing"
        elif simple == ["subject"]:
            yield "text", "is missing: give text, html or both"
        if self.raw is not None:
            for name in _NOT_BESIDE_RAW:
                if getattr(self, name):
                    yield name, "cannot be given together with raw: put it into the MIME message"
