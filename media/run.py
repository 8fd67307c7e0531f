"""Describes photos and videos as they come, and removes those whose records are gone."""

from __future__ import annotations

import logging
import threading
import time

from core.settings import Settings
from media.describing import Decoder, Describer
from media.keeping import MediaKeeper
from store.protocol import Store

log = logging.getLogger(__name__)

SWEEP_S = 86_400.0


def describe(store: Store, settings: Settings, stop: threading.Event) -> None:
    """Find out the facts of all kept photos and videos, reports' too, until ``stop``.

    Once a day those go whose records are no longer kept.
    """
    keeper = MediaKeeper(store, settings)
    swept_s = float("-inf")
    with Decoder(settings.media) as decoder:
        describer = Describer(keeper.files, decoder)
        while not stop.is_set():
            if time.monotonic() - swept_s >= SWEEP_S:
                swept_s = time.monotonic()
                log.info("%d files of records no longer kept were removed", keeper.sweep())
                keeper.files.sweep()
            describer.watch(stop, SWEEP_S)
