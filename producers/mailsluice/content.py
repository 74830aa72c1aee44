"""What a message carries besides its text: template, attachments, the way to unsubscribe."""

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from mailsluice.addresses import bare_address
from mailsluice.contract import Contract
from mailsluice.fields import Address, Base64, FilledText, JsonObject, Line, at_most, compact_json
from mailsluice.headers import MAX_HEADER_CHARACTERS
from mailsluice.problems import refusal, refusals

_UNSUBSCRIBE = "List-Unsubscribe"
_UNSUBSCRIBE_POST = "List-Unsubscribe-Post"
_MEDIA_TYPE = re.compile(r"[!-.0-~]+/[ !-.0-~]+")


class Template(Contract):
    """An SES template by name, and the values for its variables."""

    name: Line
    data: JsonObject = Field(default_factory=dict)

    @property
    def data_json(self) -> str:
        """The data as SES wants it, a JSON text of at most 262,144 characters."""
        return compact_json(self.data)


class S3Object(Contract):
    """Where an attachment lies that is too large for SQS. Size in bytes, SHA-256 in hex."""

    bucket: Line
    key: FilledText
    size_bytes: Annotated[int, Field(strict=True, ge=0)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


def _media_type(value: str) -> str:
    if not _MEDIA_TYPE.fullmatch(value):
        raise refusal("must be a media type, such as application/pdf", value=value)
    return value


class Attachment(Contract):
    """A file that goes with the message: its bytes, or the place in S3 where they lie.

    Without `content_type` SES guesses it from the file name. An HTML body shows an inline
    attachment as `<img src="cid:CONTENT_ID">`. Bounds: SES API v2, `Attachment`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["content"], "properties": {"content": {"type": "string"}}},
                {"required": ["s3"], "properties": {"s3": {"type": "object"}}},
            ]
        }
    )
    shown: ClassVar[frozenset[str]] = frozenset({"content_type", "disposition"})

    filename: Annotated[Line, *at_most(255)]
    content: Base64 | None = None
    s3: S3Object | None = None
    content_type: Annotated[Line, AfterValidator(_media_type), *at_most(78)] | None = None
    disposition: Literal["attachment", "inline"] = "attachment"
    content_id: Annotated[Line, *at_most(78)] | None = None
    description: Annotated[Line, *at_most(1000)] | None = None

    def __init__(
        self,
        filename: str,
        content: bytes | None = None,
        *,
        content_type: str | None = None,
        disposition: Literal["attachment", "inline"] = "attachment",
        content_id: str | None = None,
        description: str | None = None,
        s3: S3Object | None = None,
    ) -> None:
        super().__init__(
            filename=filename,
            content=content,
            content_type=content_type,
            disposition=disposition,
            content_id=content_id,
            description=description,
            s3=s3,
        )

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.content is None and self.s3 is None:
            raise refusals([("content", "is missing")])
        if self.content is not None and self.s3 is not None:
            raise refusals([("content", "cannot be given together with s3")])
        if self.disposition == "inline" and self.content_id is None:
            raise refusals([("content_id", "is missing: an inline attachment needs one")])
        return self


def _is_https_url(url: str) -> bool:
    """Whether it is an absolute https URL that can stand in a header between < and >."""
    if not url.isascii() or not url.isprintable() or set(url) & set(" <>\"'"):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _https(url: str) -> str:
    if not _is_https_url(url):
        raise refusal("must be an https address without spaces", value=url)
    return url


class Unsubscribe(Contract):
    """How the recipient leaves the list: RFC 2369, with one click by RFC 8058.

    `url` must identify recipient and list by itself, in a way nobody can guess: a mail provider
    calls it by POST, without cookies.
    """

    url: Annotated[
        str, AfterValidator(_https), WithJsonSchema({"type": "string", "pattern": "^https://"})
    ]
    mailto: Address | None = None
    one_click: Annotated[bool, Field(strict=True)] = True

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that say all this."""
        targets = [f"<{self.url}>"]
        if self.mailto is not None:
            targets.append(f"<mailto:{quote(bare_address(self.mailto), safe='@+')}>")
        headers = {_UNSUBSCRIBE: ", ".join(targets)}
        if self.one_click:
            headers[_UNSUBSCRIBE_POST] = "List-Unsubscribe=One-Click"
        return headers

    @model_validator(mode="after")
    def _fits_one_header(self) -> Self:
        header = self.headers[_UNSUBSCRIBE]
        if len(_UNSUBSCRIBE) + len(header) > MAX_HEADER_CHARACTERS:
            raise refusals(
                [("url", f"is too long: the header takes {MAX_HEADER_CHARACTERS} characters")]
            )
        return self
