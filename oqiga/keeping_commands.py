"""``oqiga retention`` and ``oqiga remove``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from core.errors import OqigaError
from oqiga import keeping
from oqiga.opening import open_context

app = typer.Typer(help="What is kept for how long.", no_args_is_help=True)


@app.command("run")
def run() -> None:
    """Remove what is over its limit, in the store and in files; prints counts by kind."""
    typer.echo(json.dumps(keeping.retain(open_context()), sort_keys=True))


@app.command("maintain")
def maintain() -> None:
    """Bring the store's files into shape and check them."""
    found = keeping.removable(open_context()).maintain()
    if found != "ok":
        raise OqigaError(f"the store is damaged ({found}); restore it from a copy")
    typer.echo(json.dumps(found))


def seal() -> None:
    """Seal what was kept before sealing was there: payloads, personal links, unknown fields."""
    typer.echo(f"sealed: {keeping.seal_old(open_context(), by='system')}")


def set_aside(
    by: Annotated[str, typer.Option("--by", help="who reads it")],
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
) -> None:
    """What could not be accepted, as it came: one JSON object a line, newest first; audited."""
    for row in keeping.set_aside(open_context(), limit, by=by):
        typer.echo(json.dumps(row, ensure_ascii=False))


def remove(
    post: Annotated[str, typer.Argument(metavar="POST", help="id, or SOURCE:NATIVE_ID")],
    demand: Annotated[str, typer.Option("--demand", help="number of the lawful demand")],
    by: Annotated[str, typer.Option("--by", help="who removes it")],
) -> None:
    """Remove a post on lawful demand, from the store, files and filed reports."""
    removed = keeping.remove_post(open_context(), post, by=by, demand=demand)
    typer.echo(
        f"{removed.versions} versions removed, {len(removed.events)} events changed, "
        f"{len(removed.media)} files removed; a tombstone remains"
    )
