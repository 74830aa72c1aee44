"""`mailsluice bounces` and `mailsluice complaints`."""

from __future__ import annotations

from config.settings import load_settings
from db import feedback_reports
from ops.database import database
from ops.examples import examples
from ops.output import AsJson, print_json, print_table
from ops.report_options import (
    DEFAULT_DAYS,
    Days,
    Limit,
    Stream,
    chosen_stream,
    say_if_more,
    shown,
    to_ask_for,
)


@examples(
    "mailsluice bounces",
    "mailsluice bounces --days 30 --stream marketing --limit 0 --json",
)
def bounces(
    *,
    days: Days = DEFAULT_DAYS,
    stream: Stream = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the bounces of the last days, the newest first: a line for each recipient."""
    settings = load_settings()
    only = chosen_stream(settings, stream)
    with database(settings) as engine:
        found = feedback_reports.bounces(engine, days=days, stream=only, most=to_ask_for(limit))
    if as_json:
        print_json(shown(found, limit))
        return
    print_table(
        ("TIME", "ADDRESS", "STREAM", "BOUNCE", "STATUS", "DIAGNOSTIC", "SERVER", "MESSAGE"),
        [
            (
                each.bounced_at,
                each.address,
                each.stream,
                f"{each.bounce_type}/{each.bounce_subtype}",
                each.status,
                each.diagnostic_code,
                each.reporting_mta,
                each.message_id,
            )
            for each in shown(found, limit)
        ],
    )
    say_if_more(found, limit)


@examples(
    "mailsluice complaints",
    "mailsluice complaints --days 30 --stream marketing --limit 0 --json",
)
def complaints(
    *,
    days: Days = DEFAULT_DAYS,
    stream: Stream = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List the complaints of the last days, the newest first: a line for each recipient.

    Where a mailbox provider does not say who complained, SES names all who it may have been.
    """
    settings = load_settings()
    only = chosen_stream(settings, stream)
    with database(settings) as engine:
        found = feedback_reports.complaints(engine, days=days, stream=only, most=to_ask_for(limit))
    if as_json:
        print_json(shown(found, limit))
        return
    print_table(
        ("TIME", "ADDRESS", "STREAM", "TYPE", "SUBTYPE", "TOLD BY", "MESSAGE"),
        [
            (
                each.complained_at,
                each.address,
                each.stream,
                each.complaint_type,
                each.complaint_subtype,
                each.user_agent,
                each.message_id,
            )
            for each in shown(found, limit)
        ],
    )
    say_if_more(found, limit)
