"""Elasticsearch in a container, for a machine with Docker and without Java."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.elasticsearch_server import UnavailableError, nodes_seen
from benchmarks.harness import free_port

COMPOSE = Path(__file__).resolve().parents[1] / "compose.yaml"
USER = "elastic"
START_S = 300.0


@dataclass(frozen=True)
class Container:
    """A server of one node with security on and without TLS, on a port of 127.0.0.1."""

    url: str
    password: str


def docker() -> str | None:
    """The command, when its daemon answers."""
    command = shutil.which("docker")
    if command is None:
        return None
    asked = subprocess.run([command, "info"], capture_output=True, check=False)
    return command if asked.returncode == 0 else None


def image() -> str:
    """The image that production is set up with."""
    for line in COMPOSE.read_text(encoding="utf-8").splitlines():
        name = line.strip().removeprefix("image:").strip()
        if "/elasticsearch:" in name:
            return name
    raise UnavailableError(f"{COMPOSE} names no image of Elasticsearch")


@contextlib.contextmanager
def container(command: str, start_s: float = START_S) -> Iterator[Container]:
    """A running server, removed at the end; raises UnavailableError with what Docker said."""
    port, password = free_port(), secrets.token_urlsafe(12)
    given = {
        "discovery.type": "single-node",
        "ELASTIC_PASSWORD": password,
        "xpack.security.http.ssl.enabled": "false",
        "action.destructive_requires_name": "false",
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
    }
    environment = [part for name in given for part in ("--env", name)]
    started = subprocess.run(
        [
            command, "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:9200",
            *environment, image(),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **given},
    )  # fmt: skip
    if started.returncode:
        raise UnavailableError(f"Docker did not start {image()}: {started.stderr[-500:]}")
    name = started.stdout.strip()
    try:
        found = Container(f"http://127.0.0.1:{port}", password)
        _wait(found, start_s)
        yield found
    finally:
        subprocess.run([command, "rm", "--force", name], capture_output=True, check=False)


def _wait(found: Container, start_s: float) -> None:
    until = time.monotonic() + start_s
    while not nodes_seen(found.url, USER, found.password):
        if time.monotonic() > until:
            raise UnavailableError(
                f"Elasticsearch in its container did not answer within {start_s:.0f} s"
            )
        time.sleep(0.2)
