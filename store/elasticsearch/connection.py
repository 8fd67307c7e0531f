"""The connection: errors in our words, many documents at once, searches page by page."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    NotFoundError,
    TransportError,
)
from pydantic import ValidationError

from core.errors import SettingsError, StoreAwayError, StoreError
from core.secret_files import secret_text
from core.settings import ElasticsearchSettings
from store.elasticsearch.names import document_id

Key = tuple[str, str]
"""Index (or its alias) and id of a document."""
Source = dict[str, Any]
PAGE = 1_000
MGET = 2_000
"""Documents asked for at once: 2,000 of 2 kB are 4 MB."""
FULL = "the disks are over the flood-stage mark: free space or add a node; it goes on by itself"


def connect(settings: ElasticsearchSettings, home: Path) -> Elasticsearch:
    """A client; it does not call the cluster. Raises SettingsError for a key that is not there."""
    options: dict[str, Any] = {}
    if settings.api_key_file is not None:
        options["api_key"] = _secret("api_key_file", home / settings.api_key_file)
    elif settings.user is not None and settings.password_file is not None:
        password = _secret("password_file", home / settings.password_file)
        options["basic_auth"] = (settings.user, password)
    if settings.ca_file is not None:
        try:
            options["ssl_context"] = ssl.create_default_context(cafile=home / settings.ca_file)
        except OSError as error:
            raise SettingsError(
                f"elasticsearch.ca_file: {home / settings.ca_file} cannot be read as "
                "certificates; name the PEM file of the authority that signed the cluster's"
            ) from error
    return Elasticsearch(
        list(settings.hosts),
        request_timeout=settings.timeout_s,
        max_retries=3,
        retry_on_timeout=True,
        retry_on_status=(429, 502, 503, 504),
        connections_per_node=16,
        **options,
    )


def _secret(setting: str, path: Path) -> str:
    remedy = "make a key with 'oqiga store key' and keep it there"
    return secret_text(path, f"elasticsearch.{setting}", remedy)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the client as StoreError, chained, with a remedy."""
    try:
        yield
    except (AuthenticationException, AuthorizationException) as error:
        if "cluster_block" in str(error):
            raise StoreAwayError(_blocked(error)) from error
        raise StoreError(
            f"Elasticsearch does not allow this ({error.status_code}): the key of section "
            "elasticsearch lacks the privilege or has expired; make one with 'oqiga store key'"
        ) from error
    except ApiError as error:
        if error.status_code in (429, 502, 503, 504):
            raise StoreAwayError(_busy(error)) from error
        raise StoreError(f"Elasticsearch refused a request: {error}") from error
    except TransportError as error:
        raise StoreAwayError(
            f"Elasticsearch cannot be reached ({type(error).__name__}); check that it runs and "
            "elasticsearch.hosts"
        ) from error
    except ValidationError as error:
        raise StoreError(
            f"Elasticsearch: a kept {error.title} cannot be read ({error.error_count()} mistakes); "
            "run 'oqiga verify', restore it from a snapshot"
        ) from error


def _blocked(error: ApiError) -> str:
    if "flood" in str(error) or "disk" in str(error) or "read-only" in str(error):
        return f"Elasticsearch does not take writes: {FULL}"
    return "Elasticsearch does not take writes: an index is being migrated; it is tried again"


def _busy(error: ApiError) -> str:
    if "cluster_block" in str(error):
        return _blocked(error)
    return f"Elasticsearch is overloaded or not ready ({error.status_code}); it is tried again"


class Connection:
    """Reading documents by id, which is always up to date, and by search."""

    def __init__(self, client: Elasticsearch) -> None:
        self.client = client

    def get_many(
        self, keys: Iterable[Key], fields: Sequence[str] | None = None
    ) -> dict[Key, Source]:
        """Documents by key; those that do not exist are left out."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Source] = {}
        options: dict[str, Any] = {} if fields is None else {"source_includes": list(fields)}
        for start in range(0, len(wanted), MGET):
            part = wanted[start : start + MGET]
            docs = [{"_index": index, "_id": document_id(name)} for index, name in part]
            with translated():
                answer = self.client.mget(docs=docs, **options)
            for key, doc in zip(part, answer["docs"], strict=True):
                if doc.get("found"):
                    found[key] = doc["_source"]
                elif (problem := doc.get("error")) is not None:
                    _need_missing_index(problem)
        return found

    def get(self, index: str, name: str) -> Source | None:
        """One document."""
        return self.get_many([(index, name)]).get((index, name))

    def search(self, index: str, **query: Any) -> list[dict[str, Any]]:
        """Hits of a search; an index that does not exist has none."""
        with translated():
            answer = self.client.search(
                index=index, ignore_unavailable=True, allow_no_indices=True, **query
            )
        if answer["timed_out"] or answer["_shards"]["failed"]:
            raise StoreAwayError(
                f"a search on {index} could not ask all shards; see the cluster's health"
            )
        hits: list[dict[str, Any]] = answer["hits"]["hits"]
        return hits

    def ask(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """The whole answer to a search that a person wrote."""
        with translated():
            answer = self.client.perform_request(
                "POST",
                f"/{index}/_search?ignore_unavailable=true&allow_no_indices=true",
                headers={"accept": "application/json", "content-type": "application/json"},
                body=body,
            )
        found: dict[str, Any] = answer.body
        return found

    def scan(
        self, index: str, *, sort: list[dict[str, Any]], **query: Any
    ) -> Iterator[dict[str, Any]]:
        """All hits in the order of ``sort``, which has to be total, page by page."""
        after: dict[str, Any] = {}
        while True:
            hits = self.search(index, size=PAGE, sort=sort, **query, **after)
            yield from hits
            if len(hits) < PAGE:
                return
            after = {"search_after": hits[-1]["sort"]}

    def count(self, index: str, query: dict[str, Any] | None = None) -> int:
        """How many documents fit."""
        with translated():
            answer = self.client.count(
                index=index, query=query, ignore_unavailable=True, allow_no_indices=True
            )
        return int(answer["count"])

    def refresh(self, indices: Iterable[str]) -> None:
        """Make what was written findable by search."""
        with translated(), contextlib.suppress(NotFoundError):
            self.client.indices.refresh(
                index=",".join(sorted(indices)), ignore_unavailable=True, allow_no_indices=True
            )


def _need_missing_index(problem: dict[str, Any]) -> None:
    if problem.get("type") == "index_not_found_exception":
        return
    kind = problem.get("type")
    if kind in ("security_exception", "action_request_validation_exception"):
        raise StoreError(f"Elasticsearch does not allow to read {problem.get('index', '')}: {kind}")
    raise StoreAwayError(f"Elasticsearch could not read a document: {kind}; it is tried again")
