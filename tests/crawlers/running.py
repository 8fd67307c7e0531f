"""Crawls in processes of their own, because Twisted's reactor starts once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.records import Source
from core.settings import Settings

PROJECT = Path(__file__).parent.parent.parent
ONCE = """
import json, logging, sys
from core.clock import SystemClock
from core.records import Source
from core.settings import Settings
from crawlers.run import read_once
from store.open import open_store
logging.basicConfig(level="INFO", format="%(levelname)s %(name)s %(message)s")
settings = Settings.model_validate_json(sys.argv[1])
sources = [Source.model_validate(s) for s in json.loads(sys.argv[2])]
store = open_store(settings)
for r in read_once(store, sources, settings, SystemClock()):
    print(json.dumps([r.source.name, r.new, r.edited, r.deleted, r.known, r.problem]))
store.close()
"""

LISTEN = """
import json, sys, threading
from core.clock import SystemClock
from core.records import Source
from core.settings import Settings
from crawlers.run import listen
from store.open import open_store
settings = Settings.model_validate_json(sys.argv[1])
sources = [Source.model_validate(s) for s in json.loads(sys.argv[2])]
listen(open_store(settings), sources, settings, SystemClock(), threading.Event())
"""


def read(settings: Settings, *sources: Source) -> dict[str, tuple[int, int, int, int, str | None]]:
    """Read web sources once, all in one crawl: new, edited, deleted, known, problem by name."""
    rows = json.dumps([source.model_dump(mode="json") for source in sources])
    done = subprocess.run(
        [sys.executable, "-c", ONCE, settings.model_dump_json(), rows],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines: Sequence[str] = done.stdout.splitlines()
    return {row[0]: tuple(row[1:]) for row in map(json.loads, lines)}


def give_token(settings: Settings, name: str, text: str) -> None:
    """Write a token's file with tight permissions."""
    folder = settings.under_home(settings.crawlers.tokens_folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
