"""`mailsluice streams`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.settings import load_settings
from db import gates, messages
from ops.database import database
from ops.examples import examples
from ops.output import AsJson, note, print_json, print_table
from ops.pausing import told
from ops.queue_depths import measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from config.queues import Depth
    from config.settings import Settings
    from db.gates import ShutGate


@dataclass(frozen=True)
class StreamView:
    """One stream as it stands. `depth` is None where SQS does not tell."""

    name: str
    configured: bool
    queue: str | None
    configuration_set: str | None
    shut_by: list[ShutGate]
    depth: Depth | None
    messages: dict[str, int]


@examples(
    "mailsluice streams",
    "mailsluice streams --json | jq '.streams[] | {name, depth}'",
)
def streams(*, as_json: AsJson = False) -> None:
    """Show each stream's queue, gate, queue depth, and its messages by state.

    Depths are SQS's approximations. Messages are those that a worker has seen.
    """
    settings = load_settings()
    with database(settings) as engine:
        shut, counts = gates.all_shut(engine), messages.count_by_state(engine)
    measured = measure(settings, [stream.queue for stream in settings.streams.values()])
    views = list(_views(settings, shut, counts, measured.depths))
    if as_json:
        print_json({"streams": views, "sqs_problem": measured.problem})
        return
    _print(views)
    if measured.problem:
        note(f"\nQueue depths are not known: {measured.problem}")


def _views(
    settings: Settings,
    shut: Sequence[ShutGate],
    counts: Mapping[tuple[str, str], int],
    depths: Mapping[str, Depth],
) -> Iterator[StreamView]:
    """The configured streams, then those that only the ledger remembers."""
    remembered = sorted({name for name, _state in counts} - set(settings.streams))
    for name in [*settings.streams, *remembered]:
        stream = settings.streams.get(name)
        yield StreamView(
            name=name,
            configured=stream is not None,
            queue=stream.queue if stream else None,
            configuration_set=stream.configuration_set if stream else None,
            shut_by=[gate for gate in shut if gate.scope in (name, gates.EVERYTHING)],
            depth=depths.get(stream.queue) if stream else None,
            messages={state: count for (of, state), count in counts.items() if of == name},
        )


def _print(views: Sequence[StreamView]) -> None:
    print_table(
        (
            "STREAM",
            "QUEUE",
            "CONFIGURATION SET",
            "GATE",
            "VISIBLE",
            "IN FLIGHT",
            "DELAYED",
            "MESSAGES",
        ),
        [
            (
                view.name,
                view.queue or "(no longer configured)",
                view.configuration_set,
                _gate(view.shut_by),
                *_depth(view.depth),
                ", ".join(f"{count} {state}" for state, count in sorted(view.messages.items())),
            )
            for view in views
        ],
    )


def _gate(shut_by: Sequence[ShutGate]) -> str:
    if not shut_by:
        return "open"
    return "shut: " + "; ".join(told(gate) for gate in shut_by)


def _depth(depth: Depth | None) -> tuple[int | None, int | None, int | None]:
    return (depth.visible, depth.in_flight, depth.delayed) if depth else (None, None, None)
