"""What the commands share: settings, the store, the clock, the models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import Clock, SystemClock
from core.settings import Settings
from crawlers.replay import ReplayPlan
from learning import registry
from store.keyring import key_of
from store.open import open_store
from store.protocol import Store

if TYPE_CHECKING:
    from correlator.model import PairModel

REPLAY_NOTE = "replay"
PROJECT_MODELS = Path(__file__).resolve().parent.parent / "nlp" / "models"
CORPUS = Path(__file__).resolve().parent.parent / "nlp" / "corpus"
STREAMS = Path(__file__).resolve().parent.parent / "correlator" / "corpus"


@dataclass(frozen=True)
class Context:
    """Opens things when they are first asked for; nothing at import."""

    settings: Settings

    @cached_property
    def store(self) -> Store:
        """The configured store."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        return open_store(self.settings)

    @cached_property
    def clock(self) -> Clock:
        """The machine's clock, or that of the replay whose plan the store holds."""
        plan = self.replay_plan()
        return SystemClock() if plan is None else plan.clock(SystemClock())

    @cached_property
    def key(self) -> bytes:
        """The key of authors' pseudonyms and of all that is sealed; raises SettingsError."""
        return key_of(self.store, self.settings)

    @property
    def shipped_model_dir(self) -> Path:
        """Where the models lie that ``oqiga train`` makes from the corpus."""
        return self.settings.nlp.model_dir or PROJECT_MODELS

    @property
    def model_dir(self) -> Path:
        """Where the models in use lie: those promoted last, else those made from the corpus."""
        return registry.current(self.learning_dir) or self.shipped_model_dir

    @property
    def pair_model(self) -> PairModel:
        """The pair model in use: the one promoted last, else the one that the project ships."""
        from learning.pair_run import in_use

        return in_use(self.learning_dir)

    @property
    def models_in_use(self) -> tuple[object, ...]:
        """Changes whenever a process that holds models has to start anew: other models, places."""
        own = self.gazetteer_file
        return (
            self.model_dir,
            registry.current(self.learning_dir / registry.PAIRS),
            None if own is None else own.stat().st_mtime_ns,
        )

    @property
    def learning_dir(self) -> Path:
        """Where labelled decisions and learned models lie."""
        return self.settings.under_home(registry.LEARNING)

    @property
    def gazetteer_file(self) -> Path | None:
        """The operator's own gazetteer, when one was imported."""
        path = self.settings.under_home(self.settings.nlp.gazetteer_file)
        return path if path.exists() else None

    def replay_plan(self) -> ReplayPlan | None:
        """The plan of the replay that this store was started with, if any."""
        text = self.store.note(REPLAY_NOTE)
        return None if text is None else ReplayPlan.from_json(json.loads(text))
