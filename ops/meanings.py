"""What states mean, in words for people."""

from __future__ import annotations

from db.states import MessageState

MEANING = {
    MessageState.QUEUED: "lies on its queue again, for a worker to take",
    MessageState.SENDING: "is in a worker's hands",
    MessageState.PARKED: "is put aside until it is due",
    MessageState.UNKNOWN: "SES may have taken it; its events will tell",
    MessageState.HELD: "SES may have taken it; a person must decide (`mailsluice held`)",
    MessageState.SENT: "SES took it",
    MessageState.DELIVERED: "the recipient's mail server took it",
    MessageState.BOUNCED: "came back",
    MessageState.COMPLAINED: "a recipient called it spam",
    MessageState.REJECTED: "SES took it, then refused to send it",
    MessageState.SUPPRESSED: "was not sent: no recipient may be mailed",
    MessageState.EXPIRED: "was not sent: it was too late",
    MessageState.FAILED: "was not sent: it cannot be",
}

NEVER_SEEN = (
    "No worker has seen the message {id} yet. Either it still lies on its queue (`mailsluice "
    "streams` shows how many do, and whether a gate is shut), or it was refused (`mailsluice dlq "
    "list`), or it was never enqueued here, or the ledger keeps it no longer."
)
