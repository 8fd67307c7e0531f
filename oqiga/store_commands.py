"""``oqiga store …``: what an administrator does with the production store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InputError
from core.log import configure, new_run_id
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from store.elasticsearch import ElasticsearchStore

app = typer.Typer(help="The production store (Elasticsearch).", no_args_is_help=True)


@app.command()
def migrate() -> None:
    """Put the templates, and bring all indices to them while everything goes on."""
    with _store() as store:
        made = store.migrate(lambda text: typer.echo(text, err=True))
    typer.echo(f"{len(made)} indices migrated")


@app.command()
def roles() -> None:
    """Put the roles of pipeline, analysts, internal security and auditors into the cluster."""
    from store.elasticsearch.security import put_roles

    with _store() as store:
        for name in put_roles(store.client, store.settings):
            typer.echo(name)


@app.command()
def key(
    name: str,
    role: Annotated[list[str], typer.Option("--role", help="repeatable; see index_templates")],
    days: Annotated[float | None, typer.Option("--days", min=0.1, help="until it expires")] = None,
) -> None:
    """Make an API key with the rights of roles; it is shown once."""
    from store.elasticsearch.security import new_key

    with _store() as store:
        typer.echo(new_key(store.client, store.settings, name, role, days=days))


@app.command()
def retain() -> None:
    """Remove what is over its retention limit: whole indices where possible."""
    with _store() as store:
        removed = store.retain(datetime.now(UTC))
    for index in removed.indices:
        typer.echo(f"index {index} removed")
    for kind, count in sorted(removed.documents.items()):
        typer.echo(f"{kind}: {count} documents removed")


@app.command()
def repository(folder: Path) -> None:
    """Name the folder for snapshots; every node has it in path.repo."""
    with _store() as store:
        store.register(folder)


@app.command()
def snapshot() -> None:
    """Take a snapshot; prints its name."""
    with _store() as store:
        typer.echo(store.snapshot(datetime.now(UTC)))


@app.command()
def snapshots() -> None:
    """Names of the snapshots that can be restored."""
    with _store() as store:
        for name in store.snapshots():
            typer.echo(name)


@app.command()
def restore(name: str) -> None:
    """Bring a snapshot back into a cluster that has none of our indices."""
    with _store() as store:
        store.restore(name)
    typer.echo(f"{name} is restored; run 'oqiga verify'")


@app.command()
def metrics() -> None:
    """Counts, backlog, heartbeats and the outbox in Prometheus' text format."""
    from oqiga.context import Context
    from oqiga.metrics import exposition

    context = Context(_settings())
    typer.echo(exposition(context.store, context.clock.now()), nl=False)


def _settings() -> Settings:
    settings = load_settings()
    configure(new_run_id(datetime.now(UTC).isoformat(), 0), settings.log_level)
    return settings


@contextmanager
def _store() -> Iterator[ElasticsearchStore]:
    """The configured store, not prepared: these commands prepare it."""
    from store.elasticsearch import ElasticsearchStore

    settings = _settings()
    if settings.store.kind != "elasticsearch":
        raise InputError(
            "store.kind is 'sqlite': these commands are for the production store; set it to "
            "'elasticsearch'"
        )
    store = ElasticsearchStore(settings.elasticsearch, settings.home)
    try:
        yield store
    finally:
        store.close()
