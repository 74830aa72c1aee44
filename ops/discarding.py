"""Takes dead letters away for good. Nothing is deleted before it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from db import refused
from ops.dead_letters import WORK_SECONDS, Hand
from ops.queue_depths import url_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Engine
    from types_boto3_sqs import SQSClient

    from ops.dead_letter_queues import DeadLetterQueue
    from ops.dead_letters import DeadLetter

REASON = "discarded by an operator"


@dataclass
class Discarded:
    """What became of the letters, by SQS's id. `failed` were written down, but lie there still."""

    discarded: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def discard(
    engine: Engine, sqs: SQSClient, queue: DeadLetterQueue, wanted: Collection[str] | None
) -> Discarded:
    """Keep the letters of these ids, or all for None, among the refused messages; delete them.

    Raises:
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SQS did not do it.
        sqlalchemy.exc.DBAPIError: one could not be written down, and was not deleted.
    """
    done = Discarded()
    missing = None if wanted is None else dict.fromkeys(wanted)
    with Hand(sqs, url_of(sqs, queue.name), visibility_seconds=WORK_SECONDS) as hand:
        for batch in hand.batches():
            chosen = [each for each in batch if missing is None or each.sqs_message_id in missing]
            _discard(engine, queue.name, hand, chosen, done)
            for letter in chosen:
                if missing is not None:
                    del missing[letter.sqs_message_id]
            if missing == {}:
                break
    done.not_found = list(missing or ())
    return done


def _discard(
    engine: Engine, queue: str, hand: Hand, letters: Sequence[DeadLetter], done: Discarded
) -> None:
    for each in letters:
        # Under the dead-letter queue's own name: why it was refused before stays on record too.
        refused.keep(
            engine, queue=queue, sqs_message_id=each.sqs_message_id, reason=REASON, body=each.body
        )
    failed = hand.delete(letters)
    done.failed |= failed
    ids = [each.sqs_message_id for each in letters]
    done.discarded += [each for each in ids if each not in failed]
