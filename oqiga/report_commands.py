"""``oqiga report``: making, listing what is due, sending."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from oqiga.opening import open_context, open_settings, parse_day, parse_time

app = typer.Typer(help="Reports for people.", no_args_is_help=True)

Day = Annotated[
    date | None,
    typer.Option(
        "--date",
        parser=parse_day,
        metavar="DATE",
        help="any local day of the period, as 2026-03-20; default: the newest period that is over",
    ),
]
Folder = Annotated[Path | None, typer.Option("--output", "-o", help="folder; default: as filed")]
CopyName = Annotated[str, typer.Option("--copy", help="one of [reports] copies")]
COUNTRY = "country"


@app.command("nightly")
def nightly(day: Day = None, output: Folder = None, copy: CopyName = COUNTRY) -> None:
    """A day: HTML, PDF, CSV, JSON and a short version; prints the files."""
    _make("nightly", day, output, copy)


@app.command("weekly")
def weekly(day: Day = None, output: Folder = None, copy: CopyName = COUNTRY) -> None:
    """A week from Monday on, from the same parts."""
    _make("weekly", day, output, copy)


@app.command("monthly")
def monthly(day: Day = None, output: Folder = None, copy: CopyName = COUNTRY) -> None:
    """A calendar month, from the same parts."""
    _make("monthly", day, output, copy)


@app.command("due")
def due(
    at: Annotated[datetime, typer.Option("--at", parser=parse_time, metavar="TIME")],
) -> None:
    """Reports whose hour it is at a time: a JSON list of {"copy", "span", "day"}."""
    from reports.schedule import due as due_at

    rows = [
        {"copy": item.copy, "span": item.span.value, "day": item.day.isoformat()}
        for item in due_at(open_settings().reports.copies, at)
    ]
    typer.echo(json.dumps(rows))


@app.command("send")
def send(copy: str, span: str, day: Annotated[date, typer.Argument(parser=parse_day)]) -> None:
    """Send a filed report to its copy's addresses, once."""
    from reports.mail import send_report
    from reports.periods import Span, period
    from reports.run import copy_named, time_zone

    context = open_context()
    chosen = copy_named(context.settings, copy)
    if span not in list(Span):
        raise typer.BadParameter(f"{span!r} is not one of {', '.join(Span)}")
    first = period(Span(span), day, time_zone(chosen)).first
    sent = send_report(context.store, context.settings, chosen, span, first, context.clock.now())
    typer.echo(f"sent to {sent} addresses", err=True)


def _make(span: str, day: date | None, output: Path | None, copy: str) -> None:
    from reports.periods import Span
    from reports.run import copy_named, make_report

    context = open_context()
    for path in make_report(
        context.store,
        context.settings,
        context.clock,
        copy=copy_named(context.settings, copy),
        span=Span(span),
        day=day,
        folder=output,
    ):
        typer.echo(str(path))
