"""``oqiga stage``: what a scheduler calls. Each prints one line of JSON on standard output."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from core.errors import InputError
from core.settings import load_sources
from oqiga import stages
from oqiga.opening import open_context, open_settings

app = typer.Typer(
    help="One stage once over the store: what a scheduler calls.", no_args_is_help=True
)


Wait = Annotated[float, typer.Option("--wait", min=0, help="seconds to wait for something")]


Linger = Annotated[
    float, typer.Option("--linger", min=0, help="seconds to stay for what comes after it")
]


Share = Annotated[
    str,
    typer.Option("--share", help="of several that run at once: NUMBER/OF, the first is number 0"),
]


@app.command("due")
def due(group: str, wait: Wait = 0.0) -> None:
    """Names of the sources of a group whose time to be read has come."""
    if group not in stages.GROUPS:
        raise typer.BadParameter(f"{group!r} is not one of {', '.join(stages.GROUPS)}")
    context = open_context()
    _print(stages.waited(lambda: stages.due_sources(context, group), wait))


@app.command("read")
def read(name: str) -> None:
    """Read one source once; prints how many posts were new or edited."""
    from crawlers.run import crawl_once

    context = open_context()
    path = context.settings.crawlers.sources_file
    known = {source.name: source for source in load_sources(path)}
    if name not in known:
        raise InputError(f"no source {name!r} in {path}; it may have been removed since")
    stages.mark_tried(context, name)
    summary = crawl_once(context.store, known[name], context.settings, context.clock)
    typer.echo(str(summary), err=True)
    _print(summary.new + summary.edited)


@app.command("gaps")
def gaps() -> None:
    """Names of the Telegram sources with messages that were not reached."""
    _print(stages.gaps(open_context()))


@app.command("drop")
def drop(wait: Wait = 0.0) -> None:
    """Read what lies in the drop folder; prints how many files."""
    _print(stages.drop(open_context(), wait))


@app.command("assess")
def assess(linger: Linger = 0.0, share: Share = "0/1") -> None:
    """Assess what waits; prints how many records.

    Shares count on Elasticsearch alone; on the embedded store each would assess everything.
    """
    from oqiga.context import Context

    part, parts = _share(share)
    settings = open_settings()
    if parts > 1:
        given = {"assess_part": part, "assess_parts": parts}
        cluster = settings.elasticsearch.model_copy(update=given)
        settings = settings.model_copy(update={"elasticsearch": cluster})
    _print(stages.assess(Context(settings), linger))


@app.command("correlate")
def correlate(linger: Linger = 0.0, share: Share = "0/1") -> None:
    """Bring the events up to date; prints how many changes were handled.

    Shares divide the changes by region; the events are those of one correlator alone.
    """
    _print(stages.correlate(open_context(), linger, *_share(share)))


@app.command("alert")
def alert(
    where: str,
    problem: str,
    key: Annotated[str, typer.Option("--key", help="of its occasion; the same is kept once")],
) -> None:
    """Keep a trouble and tell the administrators; prints whether it is new."""
    from store.troubles import raise_trouble

    context = open_context()
    _print(raise_trouble(context.store, context.clock, where=where, problem=problem, key=key))


def _share(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise typer.BadParameter(f"{text!r} is no share; of three they are 0/3, 1/3 and 2/3")
    return int(number), int(of)


def _print(value: list[str] | int | bool) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
