"""The bulk job: one template, up to fifty messages that differ in recipient and data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID, uuid4

from pydantic import ConfigDict, Field, field_validator, model_validator

from mailsluice.addresses import bare_address, each_once
from mailsluice.content import Attachment, Template, Unsubscribe
from mailsluice.contract import Contract
from mailsluice.fields import MAX_RECIPIENTS, Addresses, JsonObject
from mailsluice.ids import MessageId, require_id
from mailsluice.mailing import DEFAULT_STREAM, Mailing
from mailsluice.problems import refusal, refusals
from mailsluice.tags import MAX_TAGS, Tags

if TYPE_CHECKING:
    from datetime import datetime

MAX_DESTINATIONS = 50


class Destination(Contract):
    """One message of a bulk job: who receives it, and what differs for them.

    `data` is laid over the data of the bulk message, name by name, and `tags` likewise.
    """

    model_config = ConfigDict(json_schema_extra={"required": ["id", "to"]})
    shown: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Annotated[MessageId, Field(description="Identity of this message.")] = Field(
        default_factory=uuid4
    )
    to: Annotated[Addresses, Field(description="Recipients of this one message.")]
    data: Annotated[JsonObject, Field(description="Values for the template's variables.")] = Field(
        default_factory=dict
    )
    tags: Annotated[Tags, Field(description="Further tags, of this message only.")] = Field(
        default_factory=dict
    )
    unsubscribe: Annotated[
        Unsubscribe | None, Field(description="How this recipient leaves the list.")
    ] = None

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            to: str | Sequence[str],
            data: Mapping[str, Any] | None = None,
            tags: Mapping[str, str] | None = None,
            unsubscribe: Unsubscribe | Mapping[str, Any] | None = None,
            id: UUID | str | None = None,  # noqa: A002  the field's name in the contract
        ) -> None: ...

    _require_id = model_validator(mode="before")(require_id)

    @field_validator("to")
    @classmethod
    def _each_address_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given:
            raise refusal("is empty: name at least one recipient")
        return each_once(given)

    def recipients(self) -> list[str]:
        """The recipients as bare addresses."""
        return [bare_address(address) for address in self.to]


class BulkMessage(Mailing):
    """What all messages of a bulk have in common: the SES template and everything around it.

    Raises:
        MessageError: naming every field that is wrong, and why.
    """

    template: Annotated[
        Template, Field(description="SES template, and the data that all destinations share.")
    ]

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913  the fields of the contract, all by name
            self,
            *,
            template: str | Template,
            data: Mapping[str, Any] | None = None,
            stream: str = DEFAULT_STREAM,
            from_: str | None = None,
            reply_to: str | Sequence[str] = (),
            headers: Mapping[str, str] | None = None,
            attachments: Sequence[Attachment] = (),
            tags: Mapping[str, str] | None = None,
            configuration_set: str | None = None,
            send_at: datetime | None = None,
            expires_at: datetime | None = None,
            tenant: str | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _times_agree(self) -> Self:
        problems = [*self._time_problems()]
        if problems:
            raise refusals(problems)
        return self


class BulkJob(BulkMessage):
    """A bulk message with its destinations, as it lies on the queue: one call of SendBulkEmail."""

    destinations: Annotated[
        tuple[Destination, ...],
        Field(
            description="The messages; at most 50 recipients in all.",
            json_schema_extra={"minItems": 1, "maxItems": MAX_DESTINATIONS},
        ),
    ]

    if TYPE_CHECKING:

        def __init__(self, *, destinations: Sequence[Destination], **fields: Any) -> None: ...  # noqa: ANN401

    @classmethod
    def of(cls, message: BulkMessage, destinations: Sequence[Destination]) -> Self:
        """Join a bulk message with at most fifty destinations.

        Raises:
            MessageError: they do not make one job.
        """
        common = {name: getattr(message, name) for name in message.model_fields_set}
        return cls(destinations=tuple(destinations), **common)

    @model_validator(mode="after")
    def _as_a_whole(self) -> Self:
        problems = [*self._count_problems()]
        for position, destination in enumerate(self.destinations):
            problems += self._destination_problems(position, destination)
        if problems:
            raise refusals(problems)
        return self

    def _count_problems(self) -> Iterator[tuple[str, str]]:
        recipients = sum(len(destination.to) for destination in self.destinations)
        if not recipients:
            yield "destinations", "is empty: name at least one destination"
        if recipients > MAX_RECIPIENTS:
            yield "destinations", f"name {recipients} recipients; SES takes {MAX_RECIPIENTS}"
        ids = {destination.id for destination in self.destinations}
        if len(ids) < len(self.destinations):
            yield "destinations", "hold the same id more than once"

    def _destination_problems(
        self, position: int, destination: Destination
    ) -> Iterator[tuple[str, str]]:
        place = f"destinations[{position}]"
        if len(self.tags | destination.tags) > MAX_TAGS:
            yield place, f"has more than {MAX_TAGS} tags, with those of the bulk message"
        for name, reason in self._header_problems(destination.unsubscribe):
            yield place, f"{name} {reason}"
