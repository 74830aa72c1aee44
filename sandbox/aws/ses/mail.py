"""One e-mail as SES understood it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.aws.ses.addresses import bare, simulated_fate


@dataclass(slots=True)
class Mail:
    """One e-mail, whatever form it was handed over in.

    Attributes:
        source: The From address as given, perhaps with a display name.
        content_kind: `simple`, `raw` or `template`.
        headers: Names and values in the order of the message, as events show them.
        size_bytes: Size after encoding.
        failure: Template name and reason, where its data do not fill the template.
    """

    source: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    content_kind: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    subject: str | None = None
    reply_to: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    configuration_set: str | None = None
    size_bytes: int = 0
    has_virus: bool = False
    failure: tuple[str, str] | None = None

    @property
    def destination(self) -> list[str]:
        """All recipients as given."""
        return [*self.to, *self.cc, *self.bcc]

    def recipients(self) -> list[str]:
        """All recipients without display names.

        Raises:
            SesError: One of them is no address.
        """
        return [bare(address) for address in self.destination]


def counts_towards_day(recipients: list[str]) -> int:
    """How many of these recipients the 24-hour quota counts: not the mailbox simulator's."""
    return sum(simulated_fate(recipient) is None for recipient in recipients)
