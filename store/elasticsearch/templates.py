"""Index templates: what stands in ``index_templates/`` brought to the cluster."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch

from core.errors import StoreError
from core.records import Audience
from core.settings import ElasticsearchSettings
from store.elasticsearch.connection import translated
from store.elasticsearch.names import PIPELINE, Names

FOLDER = Path(__file__).resolve().parent.parent.parent / "index_templates"
VERSION = 2
"""Goes up with every change of a template; ``oqiga store migrate`` brings indices to it."""
SHARED = ("posts", "reports", "events", "versions", "decisions", "audit", "raw")
"""Kinds that come once for each audience of assessed records."""
KEPT = (Audience.OPEN, Audience.CONFIDENTIAL)
TOMBSTONES_KEPT = "1h"
"""Deletions are remembered this long, so that a write from before cannot bring a document back."""


def mapping_of(kind: str, settings: ElasticsearchSettings) -> dict[str, Any]:
    """The template of a kind (``posts``, ``pipeline-journal``) with the settings filled in."""
    path = FOLDER / "templates" / f"{kind}.json"
    text = path.read_text(encoding="utf-8")
    text = text.replace('"${vector_dims}"', str(settings.vector_dims))
    template: dict[str, Any] = json.loads(text)
    return template


def kinds() -> list[str]:
    """Names of all templates."""
    return sorted(path.stem for path in (FOLDER / "templates").glob("*.json"))


def templates(
    names: Names, settings: ElasticsearchSettings
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and body of each index template."""
    for kind in kinds():
        given = mapping_of(kind, settings)
        if kind.startswith(f"{PIPELINE}-"):
            name = names.pipeline(kind.removeprefix(f"{PIPELINE}-"))
            yield name, _template(given, name, settings, [])
            continue
        for audience in KEPT:
            name = names.of(audience, kind)
            yield name, _template(given, name, settings, names.analysts(name))


def _template(
    given: dict[str, Any], name: str, settings: ElasticsearchSettings, aliases: list[str]
) -> dict[str, Any]:
    analysis = json.loads((FOLDER / "analysis.json").read_text(encoding="utf-8"))
    return {
        "index_patterns": [f"{name}*-v*"],
        "priority": 500,
        "version": VERSION,
        "_meta": given["_meta"],
        "template": {
            "settings": {
                "number_of_shards": 1 if f"-{PIPELINE}-" in name else settings.shards,
                "number_of_replicas": settings.replicas,
                "gc_deletes": TOMBSTONES_KEPT,
                "analysis": analysis,
                **given.get("settings", {}),
            },
            "mappings": {**given["mappings"], "_meta": {"templates": VERSION}},
            "aliases": {alias: {} for alias in aliases},
        },
    }


def install(client: Elasticsearch, names: Names, settings: ElasticsearchSettings) -> None:
    """Put all templates; existing indices stay as they are until they are migrated."""

    def put(given: tuple[str, dict[str, Any]]) -> None:
        name, body = given
        with translated():
            client.indices.put_index_template(
                name=name,
                index_patterns=body["index_patterns"],
                priority=body["priority"],
                version=body["version"],
                meta=body["_meta"],
                template=body["template"],
            )

    with ThreadPoolExecutor(8) as pool:  # the master takes them together: 1 s instead of 5
        list(pool.map(put, templates(names, settings)))


def concrete(alias: str) -> str:
    """The index of the newest templates behind an alias."""
    return f"{alias}-v{VERSION}"


class Indices:
    """Makes the indices that are written to, once each."""

    def __init__(self, client: Elasticsearch) -> None:
        self._client = client
        self._known: set[str] = set()

    def ensure(self, aliases: set[str]) -> None:
        """Make those that do not exist yet; none: look at all anew."""
        if not aliases:
            self.forget()
        for alias in sorted(aliases - self._known):
            with translated():
                if not self._client.indices.exists_alias(name=alias):
                    self._make(alias)
            self._known.add(alias)

    def missing(self, aliases: set[str]) -> set[str]:
        """Those that do not exist."""
        found = set()
        for alias in aliases - self._known:
            with translated():
                if self._client.indices.exists_alias(name=alias):
                    self._known.add(alias)
                else:
                    found.add(alias)
        return found

    def forget(self) -> None:
        """Look anew: retention has removed indices."""
        self._known.clear()

    def _make(self, alias: str) -> None:
        try:
            with contextlib.suppress(BadRequestError):  # another process has just made it
                self._client.indices.create(
                    index=concrete(alias), aliases={alias: {"is_write_index": True}}
                )
        finally:
            if not self._client.indices.exists_alias(name=alias):
                raise StoreError(
                    f"index {concrete(alias)} cannot be made; run 'oqiga store migrate' with a key "
                    "that may manage indices"
                )
