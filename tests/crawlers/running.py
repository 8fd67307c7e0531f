"""Crawls in processes of their own, because Twisted's reactor starts once.

One process loads Scrapy and forks a child for each crawl: loading takes longer than most crawls.
"""

from __future__ import annotations

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
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


FORKING = """
import json, os, sys, traceback
import crawlers.readers, crawlers.run, crawlers.scrapy_run, crawlers.spider, crawlers.pipeline
import scrapy.core.downloader.handlers.http11, scrapy.crawler, scrapy.extensions.throttle
import scrapy.downloadermiddlewares.robotstxt, scrapy.core.scheduler, trafilatura
import store.sqlite
assert "twisted.internet.reactor" not in sys.modules
for line in sys.stdin:
    script, args, out, err = json.loads(line)
    child = os.fork()
    if not child:
        for path, number in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["-c", *args]
        code = 0
        try:
            exec(compile(script, "child", "exec"), {"__name__": "__main__"})
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    """What a child did."""

    returncode: int
    stdout: str
    stderr: str


def run_script(script: str, *args: str) -> Done:
    """Run a script in a fresh child of the process that has everything loaded."""
    forking = _forking()
    assert forking.stdin is not None
    assert forking.stdout is not None
    with (
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as out,
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as err,
    ):
        forking.stdin.write(json.dumps([script, args, out.name, err.name]) + "\n")
        forking.stdin.flush()
        answer = forking.stdout.readline()
        assert answer, "the process that forks has died"
        return Done(int(answer), out.read(), err.read())


@functools.cache
def _forking() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    atexit.register(process.communicate)
    return process


def read(settings: Settings, *sources: Source) -> dict[str, tuple[int, int, int, int, str | None]]:
    """Read web sources once, all in one crawl: new, edited, deleted, known, problem by name."""
    rows = json.dumps([source.model_dump(mode="json") for source in sources])
    done = run_script(ONCE, settings.model_dump_json(), rows)
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
