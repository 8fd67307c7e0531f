"""300 channels of one Telegram account, live, at ten times the day's mean rate, with losses.

The reader runs in a process of its own against the loopback server; one update in ten is kept
back by the server, as the real one is known to do, and the reconciliation has to bring it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from core.records import Post
from core.settings import CrawlerSettings, Settings
from crawlers.account_run import login
from store.coverage import ledger_of
from store.open import open_store
from tests.servers.mtproto.server import MtprotoServer, running
from tests.servers.mtproto.world import CODE, PHONE, World

PROJECT = Path(__file__).resolve().parent.parent
CHANNELS = 300
RATE_PER_S = 2.3
SECONDS = 60.0
LOST_SHARE = 0.1
READY_LIMIT_S = 240.0
SETTLE_S = 20.0
CHILD = """
import json, logging, sys, threading
from core.clock import SystemClock
from core.records import Source
from core.settings import Settings
from crawlers.run import listen
from store.open import open_store
settings = Settings.model_validate_json(sys.argv[1])
sources = [Source.model_validate(s) for s in json.loads(sys.stdin.readline())]
store = open_store(settings)
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
listen(store, sources, settings, SystemClock(), stop)
"""


def describe() -> Sequence[tuple[str, str]]:
    """Rows of the document."""
    world = World()
    for n in range(CHANNELS):
        channel = world.add_channel(f"arna_{n:03}")
        world.post(channel, "бірінші", date=datetime.now(UTC) - timedelta(hours=1))
    with tempfile.TemporaryDirectory() as folder, running(world) as server:
        settings = _settings(Path(folder), server)
        login(settings, lambda text: PHONE if text.startswith("phone") else CODE, lambda _: "")
        return _measure(server, settings)


def _measure(server: MtprotoServer, settings: Settings) -> Sequence[tuple[str, str]]:
    sources = [
        {"name": f"s{n}", "kind": "telegram", "address": f"@arna_{n:03}", "interval_s": 20.0}
        for n in range(CHANNELS)
    ]
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", CHILD, settings.model_dump_json()],
        stdin=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    assert child.stdin is not None  # noqa: S101 - a pipe was asked for
    child.stdin.write(json.dumps(sources) + "\n")
    child.stdin.flush()
    store = open_store(settings)
    try:
        _until(lambda: store.unassessed(10_000), CHANNELS)
        process = psutil.Process(child.pid)
        cpu_before = sum(process.cpu_times()[:2])
        asked = len(server.world.asked)
        sent, lost = _publish(server)
        time.sleep(SETTLE_S)
        cpu = sum(process.cpu_times()[:2]) - cpu_before
        memory = process.memory_info().rss
        took_s = SECONDS + SETTLE_S
        requests = (len(server.world.asked) - asked) / took_s * 3600
        posts = [p for p in store.unassessed(100_000) if isinstance(p, Post)]
        arrived = {p.text: p.accepted_at.timestamp() for p in posts}
        seen = sum(text in arrived for text in sent)
        live = sorted(arrived[t] - at for t, at in sent.items() if t in arrived and t not in lost)
        late = sorted(arrived[t] - at for t, at in sent.items() if t in arrived and t in lost)
        gaps = [ledger_of(store, f"s{n}") for n in range(CHANNELS)]
    finally:
        child.stdin.close()
        child.wait(30)
        store.close()
    return [
        (
            f"{CHANNELS} channels, {len(sent)} messages in {SECONDS:.0f} s, {len(lost)} of them "
            "never sent as updates, budget 36,000 requests an hour",
            f"seen {seen} of {len(sent)}",
        ),
        (
            "published to accepted, live",
            f"median {_quantile(live, 0.5):.2f} s, 95th percentile {_quantile(live, 0.95):.2f} s "
            "(aim under 2 s)",
        ),
        (
            "published to accepted, when the update was lost",
            f"median {_quantile(late, 0.5):.1f} s, longest {_quantile(late, 1.0):.1f} s",
        ),
        (
            "gaps found, filled",
            f"{sum(g.gaps_found for g in gaps)}, {sum(g.gaps_filled for g in gaps)}",
        ),
        ("requests an hour", f"{requests:,.0f}"),
        ("processor, memory", f"{cpu / took_s:.0%} of one, {memory / 1e6:.0f} MB"),
    ]


def _publish(server: MtprotoServer) -> tuple[dict[str, float], set[str]]:
    """Texts with the time at which each was published, and those whose update was kept back."""
    rng = random.Random(102)  # noqa: S311 - a mix of posts, no secret
    weights = [1 / (rank + 1) ** 0.9 for rank in range(CHANNELS)]
    sent: dict[str, float] = {}
    lost: set[str] = set()
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < SECONDS:
        if len(sent) < elapsed * RATE_PER_S:
            number = rng.choices(range(CHANNELS), weights)[0]
            text = f"хабар {len(sent)}"
            silent = rng.random() < LOST_SHARE
            sent[text] = time.time()
            server.post(f"arna_{number:03}", text, silent=silent)
            if silent:
                lost.add(text)
        time.sleep(0.01)
    return sent, lost


def _settings(folder: Path, server: MtprotoServer) -> Settings:
    home = folder / "home"
    (home / "tokens").mkdir(parents=True)
    token, key = home / "tokens" / "telegram", folder / "server.pem"
    token.write_text("4242:0123456789abcdef")
    token.chmod(0o600)
    key.write_text(server.key_pem)
    crawlers = CrawlerSettings(
        delay_s=0.0,
        host_budgets={"telegram": 36_000.0},
        telegram_server=server.address,
        telegram_server_key=key,
        longest_interval_s=60.0,
    )
    return Settings(home=home, crawlers=crawlers)


def _until(found: object, count: int) -> None:
    started = time.monotonic()
    while len(found()) < count:  # type: ignore[operator]
        if time.monotonic() - started > READY_LIMIT_S:
            raise TimeoutError("the reader did not become ready")
        time.sleep(0.5)


def _quantile(values: Sequence[float], q: float) -> float:
    return values[min(len(values) - 1, int(q * len(values)))] if values else 0.0


if __name__ == "__main__":
    for what, figure in describe():
        sys.stdout.write(f"{what}: {figure}\n")
