"""A real Elasticsearch for the tests that need one: started once a session, or named by URL.

Without Java it is started in a container, where Docker runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.elasticsearch_server import Node, UnavailableError, single
from core.settings import ElasticsearchSettings
from store.elasticsearch import ElasticsearchStore
from store.elasticsearch.transaction import Counters, Transaction
from tests.elastic_docker import USER, container, docker
from tests.secret_files import keep

URL_VARIABLE = "OQIGA_TEST_ELASTICSEARCH_URL"


@dataclass(frozen=True)
class Elastic:
    """A server: its address, and files with the password and the authority's certificate."""

    url: str
    home: Path
    user: str | None = None
    node: Node | None = None

    def settings(self, prefix: str, **changes: object) -> ElasticsearchSettings:
        """Settings of a store of its own there."""
        values: dict[str, object] = {
            "hosts": [self.url],
            "prefix": prefix,
            "replicas": 0,
            "user": self.user,
            "password_file": "password" if self.user else None,
            "ca_file": "ca.crt" if (self.home / "ca.crt").exists() else None,
        }
        return ElasticsearchSettings.model_validate({**values, **changes})

    def environment(self, prefix: str, home: Path) -> dict[str, str]:
        """Environment of the program that makes it use this server, with data under ``home``."""
        found = {
            "OQIGA_CONFIG": os.devnull,
            "OQIGA_HOME": str(home),
            "OQIGA_STORE__KIND": "elasticsearch",
            "OQIGA_ELASTICSEARCH__HOSTS": json.dumps([self.url]),
            "OQIGA_ELASTICSEARCH__PREFIX": prefix,
            "OQIGA_ELASTICSEARCH__REPLICAS": "0",
        }
        if self.user:
            found["OQIGA_ELASTICSEARCH__USER"] = self.user
            found["OQIGA_ELASTICSEARCH__PASSWORD_FILE"] = str(self.home / "password")
        if (self.home / "ca.crt").exists():
            found["OQIGA_ELASTICSEARCH__CA_FILE"] = str(self.home / "ca.crt")
        return found

    def open(self, prefix: str, **changes: object) -> ElasticsearchStore:
        """A store, its templates in place."""
        store = ElasticsearchStore(self.settings(prefix, **changes), self.home)
        store.prepare()
        return store


class Proxy:
    """A network that can be cut: forwards connections to the server until told otherwise."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._scheme = parts.scheme
        self._open = True
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut_after: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """All connections break; new ones are closed at once."""
        self._open = False
        for held in self._sockets:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def cut_after(self, n_bytes: int) -> None:
        """Cut when that many more bytes went to the server: in the middle of a request."""
        self._cut_after = n_bytes

    def heal(self) -> None:
        self._open, self._cut_after = True, None

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self._open:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink, counted in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, counted), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16_384):
                if counted and self._cut_after is not None:
                    self._cut_after -= len(data)
                    if self._cut_after < 0:
                        sink.sendall(data[: max(0, len(data) + self._cut_after)])
                        self.cut()
                        break
                sink.sendall(data)
        for held in (source, sink):
            with contextlib.suppress(OSError):
                held.close()


def drop(store: ElasticsearchStore) -> None:
    """Remove all that a store has in the cluster."""
    prefix = store._names.prefix
    store._client.indices.delete(index=f"{prefix}-*", ignore_unavailable=True)
    store._client.options(ignore_status=404).indices.delete_index_template(name=f"{prefix}-*")


def wipe(store: ElasticsearchStore) -> None:
    """Empty a store within a transaction: much faster than making all indices anew."""

    def build(tx: Transaction) -> None:
        pattern = f"{store._names.prefix}-*"
        store._client.indices.refresh(index=pattern)
        journal, keep = store._names.pipeline("journal"), store._names.pipeline("small")
        for key in tx.find(pattern, {"match_all": {}}):
            if key[0] != journal and key != (keep, "templates"):
                tx.delete(key)
        tx.counters = Counters()
        tx.put((keep, "mark:wiped"), {"kind": "mark", "name": "wiped", "body": str(tx.position)})

    store._journal.write(build)


def skip_or_fail(error: UnavailableError) -> None:
    """A machine without Java, Maven and Docker skips by name; CI does not."""
    if os.environ.get("CI"):
        pytest.fail(f"Elasticsearch is needed in CI: {error}", pytrace=False)
    pytest.skip(f"needs Elasticsearch: {error}")


@pytest.fixture(scope="session")
def elastic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elastic]:
    """The session's server: TLS and security on; or that of OQIGA_TEST_ELASTICSEARCH_URL."""
    home = tmp_path_factory.mktemp("elastic-home")
    given = os.environ.get(URL_VARIABLE)
    if given:
        parts = urlsplit(given)
        if parts.password:
            keep(home / "password", parts.password)
        ca = os.environ.get(f"{URL_VARIABLE}_CA")
        if ca:
            (home / "ca.crt").write_bytes(Path(ca).read_bytes())
        yield Elastic(f"{parts.scheme}://{parts.hostname}:{parts.port}", home, parts.username)
        return
    folder = Path("/tmp") / f"oqiga-es-{os.getpid()}"  # noqa: S108 - readable to its own user
    try:
        node = single(folder)
    except UnavailableError as error:
        yield from _contained(home, error)
        return
    try:
        keep(home / "password", node.password or "")
        (home / "ca.crt").write_bytes((node.folder / "ca.crt").read_bytes())
        yield Elastic(node.url, home, "admin", node)
    finally:
        node.stop()


def _contained(home: Path, lacking: UnavailableError) -> Iterator[Elastic]:
    """In a container where a server of our own is not to be had."""
    command = docker()
    if command is None:
        skip_or_fail(lacking)
        raise lacking
    try:
        with container(command) as found:
            keep(home / "password", found.password)
            yield Elastic(found.url, home, USER)
    except UnavailableError as error:
        skip_or_fail(error)
        raise


@pytest.fixture(scope="session")
def elastic_prefix(elastic: Elastic) -> Iterator[str]:
    """Indices that tests share one after the other."""
    store = elastic.open("shared")
    yield "shared"
    drop(store)
    store.close()


@pytest.fixture
def elastic_store(elastic: Elastic, elastic_prefix: str) -> Iterator[ElasticsearchStore]:
    """An empty store."""
    store = elastic.open(elastic_prefix)
    wipe(store)
    yield store
    store.close()
