"""How the tests' server is started by Docker, with a stand-in for its command.

The stand-in takes the arguments as Docker does and answers on the published port; no container ran.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from benchmarks.elasticsearch_server import UnavailableError
from tests.elastic_docker import container, docker, image

STAND_IN = """#!{python}
import base64, http.server, json, os, signal, subprocess, sys
here = os.path.dirname(__file__)
what, rest = sys.argv[1], sys.argv[2:]
if what == "info":
    sys.exit(0 if not os.path.exists(here + "/dead") else 1)
if what == "run":
    assert rest[:3] == ["--detach", "--rm", "--publish"], rest
    host, port, inner = rest[3].split(":")
    assert (host, inner) == ("127.0.0.1", "9200") and "/elasticsearch:9." in rest[-1], rest
    assert not any(os.environ["ELASTIC_PASSWORD"] in part for part in rest), "seen by all in ps"
    if os.path.exists(here + "/lacking"):
        sys.exit("no such image")
    quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
    server = subprocess.Popen([sys.executable, __file__, "serve", port], **quiet)
    print(server.pid)
if what == "rm":
    os.kill(int(rest[-1]), signal.SIGKILL)
if what == "serve":
    given = "elastic:" + os.environ["ELASTIC_PASSWORD"]
    expected = "Basic " + base64.b64encode(given.encode()).decode()
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.headers["Authorization"] == expected else 401)
            self.end_headers()
            self.wfile.write(json.dumps({{"number_of_nodes": 1}}).encode())
        def log_message(self, *ignored):
            pass
    http.server.HTTPServer(("127.0.0.1", int(rest[0])), Health).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    command = tmp_path / "docker"
    command.write_text(STAND_IN.format(python=sys.executable))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return command


def test_a_server_in_a_container_and_its_end(stand_in: Path) -> None:
    assert docker() == str(stand_in)
    with container(str(stand_in), start_s=20.0) as found:
        assert found.url.startswith("http://127.0.0.1:")
        url = found.url
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)


def test_docker_that_does_not_answer_or_lacks_the_image(stand_in: Path) -> None:
    (stand_in.parent / "dead").touch()
    assert docker() is None
    (stand_in.parent / "lacking").touch()
    with pytest.raises(UnavailableError, match="no such image"), container(str(stand_in)):
        pass
    assert image().rpartition(":")[2].startswith("9.")
