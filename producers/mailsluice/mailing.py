"""What single messages and bulk jobs have in common."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field, JsonValue, ValidationInfo, model_validator

from mailsluice.content import Attachment, Unsubscribe
from mailsluice.contract import Contract, is_wire
from mailsluice.fields import Address, Addresses, AwsName, Instant, Stream
from mailsluice.headers import MAX_HEADERS, Headers
from mailsluice.problems import refusal
from mailsluice.tags import Tags

VERSION: Final = 1
DEFAULT_STREAM: Final = "transactional"


def _exactly_this_version(value: object) -> object:
    # To Python, True and 1.0 are 1 as well.
    if type(value) is not int or value != VERSION:
        raise refusal(f"must be {VERSION}")
    return value


class Mailing(Contract):
    """The fields that do not depend on who receives the mail."""

    shown: ClassVar[frozenset[str]] = frozenset({"id", "stream"})

    version: Annotated[
        Literal[1],
        BeforeValidator(_exactly_this_version),
        Field(description="Version of this contract; a worker refuses newer ones."),
    ] = VERSION
    stream: Annotated[
        Stream, Field(description="The class of mail: it has its own queue, limits and priority.")
    ] = DEFAULT_STREAM
    from_: Annotated[
        Address | None,
        Field(alias="from", description="Sender; without it the worker's default sender."),
    ] = None
    reply_to: Annotated[
        Addresses, Field(description="Where replies go, if not to the sender.")
    ] = ()
    headers: Annotated[Headers, Field(description="Further header fields, name to value.")] = Field(
        default_factory=dict
    )
    attachments: Annotated[tuple[Attachment, ...], Field(description="Files sent along.")] = ()
    tags: Annotated[
        Tags, Field(description="Come back in every event of the message. Nothing personal here.")
    ] = Field(default_factory=dict)
    configuration_set: Annotated[
        AwsName | None, Field(description="SES configuration set, instead of the stream's own.")
    ] = None
    send_at: Annotated[
        Instant | None, Field(description="Not to be sent before this time; without it, now.")
    ] = None
    expires_at: Annotated[
        Instant | None,
        Field(description="Not to be sent after this time; it then ends as expired."),
    ] = None
    tenant: Annotated[
        AwsName | None,
        Field(
            description="Fair-queue group, so that no tenant delays others; also the SES tenant, "
            "where the stream is configured so."
        ),
    ] = None

    def to_wire(self) -> dict[str, JsonValue]:
        """The job as it lies on the queue."""
        return {"version": self.version, "stream": self.stream, **super().to_wire()}

    @model_validator(mode="before")
    @classmethod
    def _fold_template(cls, value: object, info: ValidationInfo) -> object:
        """Python callers may write template="welcome", data={...}."""
        if is_wire(info) or not isinstance(value, Mapping):
            return value
        fields = dict(value)
        template = fields.get("template")
        if isinstance(template, str):
            fields["template"] = {"name": template, "data": fields.pop("data", {})}
        elif template is None and "data" in fields:
            fields["template"] = {"data": fields.pop("data")}
        return fields

    def _time_problems(self) -> Iterator[tuple[str, str]]:
        if self.send_at and self.expires_at and self.expires_at <= self.send_at:
            yield "expires_at", "must be later than send_at"

    def _header_problems(self, unsubscribe: Unsubscribe | None) -> Iterator[tuple[str, str]]:
        if unsubscribe is None:
            return
        given = {name.lower() for name in self.headers}
        twice = sorted(name for name in unsubscribe.headers if name.lower() in given)
        if twice:
            yield "headers", f"hold {' and '.join(twice)}, which unsubscribe sets"
        count = len(self.headers) + len(unsubscribe.headers)
        if count > MAX_HEADERS:
            yield "headers", f"come to {count} with those of unsubscribe; SES takes {MAX_HEADERS}"
