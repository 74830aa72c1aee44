"""What the demo prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from db.states import MessageState

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.accounts import Account
    from sandbox.installation import Installation

COLUMNS = (
    MessageState.SENDING,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.BOUNCED,
    MessageState.COMPLAINED,
    MessageState.SUPPRESSED,
    MessageState.FAILED,
    MessageState.PARKED,
)


def progress_table(account: Account, seconds: float) -> Table:
    """The streams and their messages' states, as they are now."""
    seen = sum(account.states.values())
    title = f"{seconds:.0f} s: {seen} of {account.enqueued} messages seen"
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1))
    table.add_column("stream", no_wrap=True)
    for state in COLUMNS:
        table.add_column(str(state), justify="right", no_wrap=True)
    for stream in sorted(account.by_stream):
        counts = account.by_stream[stream]
        table.add_row(stream, *(str(counts[state] or "") for state in COLUMNS))
    return table


def print_summary(console: Console, account: Account, seconds: float) -> None:
    """Every message accounted for, or what does not add up."""
    states = account.states
    console.print(
        f"\n[bold]enqueued {account.enqueued}[/] = accepted {account.accepted}"
        f" + suppressed {states[MessageState.SUPPRESSED]}"
        f" + failed {states[MessageState.FAILED]} + parked {states[MessageState.PARKED]}"
    )
    console.print(
        f"SES's own record: {sum(account.ses_accepted.values())} accepted, under "
        f"{len(account.ses_accepted)} different ids; the ledger: {len(account.accepted_ids)}."
    )
    console.print(
        f"Of the accepted: {states[MessageState.DELIVERED]} delivered, "
        f"{states[MessageState.BOUNCED]} bounced, {states[MessageState.COMPLAINED]} complained. "
        f"{seconds:.0f} seconds."
    )
    for reason in account.reasons:
        console.print(reason, highlight=False, markup=False)
    for problem in account.disagreements():
        console.print(f"[red]DOES NOT ADD UP:[/] {problem}")


def print_places(console: Console, installation: Installation) -> None:
    """Where everything is, for whoever keeps it running."""
    console.print("\nRunning until Ctrl-C. In another terminal:\n")
    for name, value in sorted(installation.environment.items()):
        console.print(f"export {name}={value}", soft_wrap=True, highlight=False)
    console.print("")
    for process in installation.processes:
        console.print(
            f"{process.name:<12} http://127.0.0.1:{process.port}/metrics", highlight=False
        )
    console.print(f"logs         {installation.directory}", soft_wrap=True, highlight=False)
