"""One process of the pipeline on a store: assesses and correlates until its input is closed.

``python -m benchmarks.elasticsearch_worker SETTINGS AS_OF [assess]``: settings as JSON; the clock
stands at AS_OF, so that a whole evening can be worked through at once and again with the same
outcome. With ``assess`` it leaves correlating to others.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from datetime import datetime

from core.clock import FixedClock
from core.errors import StoreError
from core.settings import Settings
from correlator.model import PairModel
from correlator.run import LiveCorrelator
from nlp.assessor import Assessor
from nlp.run import assess_pending
from oqiga.context import PROJECT_MODELS
from store.open import open_store
from store.protocol import Store

log = logging.getLogger(__name__)
IDLE_S = 0.05


def work(
    store: Store,
    settings: Settings,
    clock: FixedClock,
    stop: threading.Event,
    *,
    assess_only: bool,
) -> None:
    """Assess and correlate; when the store is away for a moment, try again."""
    assessor, model = Assessor.load(PROJECT_MODELS), PairModel.load()
    live = LiveCorrelator(store, settings, model, clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not stop.is_set():
        try:
            done = assess_pending(store, assessor, settings, clock, settings.nlp.batch)
            if not assess_only:
                done += live.step()
        except StoreError as error:
            log.warning("%s", error)
            done = 0
        if not done:
            time.sleep(IDLE_S)


def _until_closed(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def main() -> None:
    """See the module."""
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s {os.getpid()} %(message)s")
    settings = Settings.model_validate_json(sys.argv[1])
    stop = threading.Event()
    threading.Thread(target=_until_closed, args=(stop,), daemon=True).start()
    store = open_store(settings)
    clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
    work(store, settings, clock, stop, assess_only=sys.argv[3:] == ["assess"])
    store.close()


if __name__ == "__main__":
    main()
