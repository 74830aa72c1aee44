"""What became of the messages that were given to `send_many`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload
from uuid import UUID

_ID_BYTES = 16


class IdList(Sequence[UUID]):
    """Ids in 16 bytes each, where a list of UUID objects takes a hundred."""

    def __init__(self) -> None:
        self._packed = bytearray()

    def append(self, message_id: UUID) -> None:
        self._packed += message_id.bytes

    def __len__(self) -> int:
        return len(self._packed) // _ID_BYTES

    @overload
    def __getitem__(self, index: int) -> UUID: ...
    @overload
    def __getitem__(self, index: slice) -> list[UUID]: ...
    def __getitem__(self, index: int | slice) -> UUID | list[UUID]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self._at(place) for place in places]
        return self._at(places)

    def _at(self, place: int) -> UUID:
        start = place * _ID_BYTES
        return UUID(bytes=bytes(self._packed[start : start + _ID_BYTES]))


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that is not queued, as far as is known.

    `index` counts the messages as they were taken, from 0; `id` is None when the message was not
    valid. `reason` may quote the message's own values.
    """

    index: int
    id: UUID | None
    reason: str


@dataclass(slots=True)
class Report:
    """Every message that was taken is either in `queued` or in `failed`.

    `taken` is how many that were. Ids in `queued` stand in the order in which SQS confirmed them,
    and take 16 bytes each.
    """

    queued: IdList = field(default_factory=IdList)
    failed: list[Failure] = field(default_factory=list)
    taken: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything that was taken is queued."""
        return not self.failed

    def __str__(self) -> str:
        queued, failed = len(self.queued), len(self.failed)
        return f"Of {self.taken} messages, {queued} are queued and {failed} failed."
