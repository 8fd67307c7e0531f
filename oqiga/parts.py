"""The processes of the runtime. Each owns its store connection and ends when its parent does."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.garbage import leave_what_is_here
from core.settings import Settings, load_sources
from oqiga.context import Context

log = logging.getLogger(__name__)
READY = b"ready\n"
IDLE_S = 0.05
"""Rest of the pipeline when there is nothing to do: a twentieth of the latency aimed at."""


def run_part(name: str, settings: Settings, *, watch_parent: bool = False) -> int:
    """Run one part until it is told to stop; returns the exit code.

    With ``watch_parent`` (its settings were the first line of standard input) the part leaves at
    once when its standard input is closed.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if watch_parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
        threading.Thread(target=_end_with_parent, daemon=True).start()
    context = Context(settings)
    try:
        PARTS[name](context, stop)
    finally:
        context.store.close()
    return 0


def pipeline(context: Context, stop: threading.Event) -> None:
    """Assess what is new, correlate what was assessed."""
    from correlator.run import LiveCorrelator
    from media.shelving import Shelving
    from nlp.run import assess_pending
    from oqiga.places import assessor_of

    settings, models = context.settings, context.models_in_use
    assessor = assessor_of(context)
    shelving = Shelving(context.store, settings)
    shelving.repair(context.clock)
    live = LiveCorrelator(context.store, settings, context.pair_model, context.clock)
    live.start()
    leave_what_is_here()
    _ready()
    while not stop.is_set():
        done = assess_pending(
            context.store,
            assessor,
            settings,
            context.clock,
            settings.nlp.batch,
            on_saved=shelving.settle,
        )
        done += live.step()
        if not done:
            stop.wait(IDLE_S)
            if context.models_in_use != models:
                log.info("other models or places were put in use: the pipeline starts anew")
                return


def console(context: Context, stop: threading.Event) -> None:
    """The web console with the intake's HTTP API."""
    from console.run import serve
    from intake.api import intake_router

    del stop  # uvicorn handles the signals itself
    router = intake_router(context.store, context.settings, context.clock)
    serve(
        context.store,
        context.settings,
        context.clock,
        ready=_ready,
        extra_routers=[router],
    )


def readers(context: Context, stop: threading.Event) -> None:
    """The drop folder, media, retention, a replay where one is planned, configured sources."""
    from intake.drop import DropFolder
    from media.run import describe
    from oqiga.keeping import keep_limits

    settings = context.settings
    tasks: list[Callable[[], object]] = [
        lambda: DropFolder(context.store, settings, context.clock).watch(stop),
        lambda: describe(context.store, settings, stop),
        lambda: keep_limits(context, stop),
    ]
    if settings.follow.index is not None:
        from intake.elasticsearch import Follower, client_for

        follower = Follower(context.store, client_for(settings), settings, context.clock)
        tasks.append(lambda: follower.watch(stop))
    plan = context.replay_plan()
    if plan is not None:
        from crawlers.replay import Replay

        replay = Replay([Path(p) for p in plan.paths], shift=plan.shift, clock=context.clock)
        tasks.append(
            lambda: replay.run(
                context.store, context.key, stop, feeds=settings.intake.feeds, settings=settings
            )
        )
    sources = load_sources(settings.crawlers.sources_file)
    _ready()
    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(task) for task in tasks]
        # A reader that ends before it was told to is a fault: end as a whole, be started again.
        for future in futures:
            future.add_done_callback(lambda _: stop.set())
        if sources:
            from crawlers.run import listen

            listen(context.store, sources, settings, context.clock, stop)
        stop.wait()
        for future in futures:
            future.result()


PARTS: dict[str, Callable[[Context, threading.Event], None]] = {
    "pipeline": pipeline,
    "console": console,
    "readers": readers,
}


def _ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """Leave at once when the parent is gone: its end of our standard input closes."""
    while os.read(sys.stdin.fileno(), 1):
        time.sleep(0)
    os._exit(1)
