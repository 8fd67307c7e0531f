"""Serving: says when it is ready, stops at once on a signal, explains a port in use."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from console.run import serve
from core.errors import SettingsError
from core.records import Role
from core.settings import ConsoleSettings, Settings

PROGRAM = """
import sys
from pathlib import Path
from console.run import serve
from core.clock import SystemClock
from core.settings import ConsoleSettings, Settings
from store.sqlite import SqliteStore

home, port = Path(sys.argv[1]), int(sys.argv[2])
store = SqliteStore(home / "oqiga.db")
settings = Settings(home=home, console=ConsoleSettings(port=port))
serve(store, settings, SystemClock(), ready=lambda: print("ready", flush=True))
store.close()
print("ended", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_though_streams_are_open(
    person: Any, filled: Any, settings: Settings, sign: signal.Signals
) -> None:
    who = person(Role.SPECIALIST)
    home, port = settings.home, settings.console.port
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        live = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        cookie = f"oqiga_session={who.client.cookies['oqiga_session']}"
        live.request("GET", "/api/stream", headers={"Cookie": cookie})
        answer = live.getresponse()
        assert answer.status == 200
        answer.readline()
        begun = time.monotonic()
        process.send_signal(sign)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 4  # a stream is never waited for
        assert process.stdout.read() == "ended\n"
        assert "Traceback" not in process.stderr.read()
        live.close()


def test_a_port_in_use_is_a_mistake_in_the_settings(
    filled: Any, clock: Any, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(home=tmp_path, console=ConsoleSettings(port=port))
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port} cannot be used"):
            serve(filled.store, settings, clock, ready=lambda: None)
