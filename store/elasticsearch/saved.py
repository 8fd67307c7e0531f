"""Saved queries: those of ``index_templates/queries/``, filled in, run, and flattened to rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from core.settings import ElasticsearchSettings
from store.elasticsearch.connection import Connection
from store.elasticsearch.names import Names
from store.elasticsearch.templates import FOLDER

QUERIES = FOLDER / "queries"
Row = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter: what it is, its type (text, time, number, count), its default if any."""

    name: str
    about: str
    type: str
    default: Any = None

    def value(self, text: str) -> Any:
        """A given value; raises InputError."""
        try:
            if self.type == "count":
                return int(text)
            return float(text) if self.type == "number" else text
        except ValueError as error:
            raise InputError(f"parameter {self.name}: {text!r} is no {self.type}") from error


@dataclass(frozen=True)
class SavedQuery:
    """A query with its parameters. ``kind``: what it asks (events, posts, …)."""

    name: str
    about: str
    comment: str
    kind: str
    parameters: tuple[Parameter, ...]
    given: Mapping[str, Any]

    def values(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Values of all parameters; raises InputError that lists every mistake."""
        known = {p.name: p for p in self.parameters}
        problems = [
            f"{name}: no such parameter; there are {', '.join(known)}"
            for name in texts
            if name not in known
        ]
        problems += [
            f"{p.name}: has to be given ({p.about})"
            for p in self.parameters
            if p.name not in texts and p.default is None
        ]
        if problems:
            raise InputError(f"query {self.name}: {'; '.join(problems)}")
        return {p.name: p.value(texts[p.name]) if p.name in texts else p.default
                for p in self.parameters}  # fmt: skip


def saved_queries() -> list[str]:
    """Names of all saved queries."""
    return sorted(path.stem for path in QUERIES.glob("*.json"))


def load_query(name: str) -> SavedQuery:
    """A saved query; raises InputError for a name that there is none of."""
    if name not in saved_queries():
        raise InputError(f"no query {name!r}; there are: {', '.join(saved_queries())}")
    given = json.loads((QUERIES / f"{name}.json").read_text(encoding="utf-8"))
    parameters = tuple(Parameter(n, **fields) for n, fields in given["parameters"].items())
    return SavedQuery(name, given["about"], given["comment"], given["kind"], parameters, given)


def run_query(
    connection: Connection,
    settings: ElasticsearchSettings,
    query: SavedQuery,
    texts: Mapping[str, str],
    *,
    confidential: bool = False,
) -> list[Row]:
    """Rows of a query; the reader's key decides what may be asked. Raises InputError, StoreError.

    ``confidential``: what internal security alone may ask, instead of what is open.
    """
    names = Names(settings.prefix, settings.period)
    values = query.values(texts)
    first = query.given.get("first")
    if first is not None:
        values |= _first(connection, names, first, values, confidential)
    body = filled(query.given["body"], values)
    index = _index(names, query.kind, confidential)
    answer = connection.ask(index, body)
    if "aggregations" in answer:
        return list(flattened(answer["aggregations"]))
    return [_hit_row(hit, query.given) for hit in answer["hits"]["hits"]]


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A copy with each ``${name}`` replaced; one that is a whole string keeps its type."""
    if isinstance(value, dict):
        return {key: filled(part, values) for key, part in value.items()}
    if isinstance(value, list):
        parts = (filled(part, values) for part in value)
        return [part for part in parts if part is not None]
    if not isinstance(value, str) or "${" not in value:
        return value
    for name, given in values.items():
        if value == f"${{{name}}}":
            return given
        if f"${{{name}}}" in value:
            value = value.replace(f"${{{name}}}", str(given))
    return value


def flattened(aggregations: Mapping[str, Any], start: Row | None = None) -> Iterator[Row]:
    """Rows of nested aggregations: a column a level, and one a figure of the innermost."""
    row = dict(start or {})
    nested: list[tuple[str, list[Row]]] = []
    for name, found in aggregations.items():
        if not isinstance(found, dict):
            continue
        if "buckets" in found:
            nested.append((name, found["buckets"]))
        else:
            row |= _figures(name, found)
    if not nested:
        if start is not None:
            yield row
        return
    for name, buckets in nested:
        for bucket in buckets:
            key = bucket.get("key_as_string", bucket["key"])
            yield from flattened(bucket, {**row, name: key, "count": bucket["doc_count"]})


def _figures(name: str, found: Mapping[str, Any]) -> Row:
    if "values" in found:
        return {f"{name}_p{float(p):g}": value for p, value in found["values"].items()}
    if "location" in found:
        return {"lat": found["location"]["lat"], "lon": found["location"]["lon"]}
    if "value" in found:
        return {name: found.get("value_as_string", found["value"])}
    return {name: found["doc_count"]} if "doc_count" in found else {}


def _hit_row(hit: Mapping[str, Any], given: Mapping[str, Any]) -> Row:
    row: Row = {}
    for name in given["body"]["_source"]:
        value = hit["_source"].get(name)
        if name == "location":
            row |= {"lat": value["lat"] if value else None, "lon": value["lon"] if value else None}
        else:
            row[name] = value
    row |= dict(zip(given.get("sorted", ()), hit.get("sort", ()), strict=False))
    return row | ({"score": hit["_score"]} if given.get("score") else {})


def _first(
    connection: Connection,
    names: Names,
    first: Mapping[str, Any],
    values: Mapping[str, Any],
    confidential: bool,
) -> dict[str, Any]:
    """What a query needs to know of one document before it can be asked."""
    index = _index(names, first["kind"], confidential)
    body = {"query": filled(first["query"], values), "size": 1, "_source": first["take"]}
    hits = connection.ask(index, body)["hits"]["hits"]
    if not hits:
        raise InputError(f"there is no such document: {', '.join(map(str, values.values()))}")
    source = hits[0]["_source"]
    if first.get("vector"):
        return {"vector": json.loads(source["assessments"][-1])["vector"]}
    return {name: source.get(name) for name in first["take"]}


def _index(names: Names, kind: str, confidential: bool) -> str:
    return f"{names.prefix}-confidential-{kind}-all" if confidential else f"{names.prefix}-{kind}"
