"""An embedded store that finds neighbours, by the correlator's own rules: exact, for comparing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.records import Assessed
from core.settings import Settings
from correlator.blocking import Index, widest_s
from correlator.items import make_item
from correlator.model import PairModel
from store.protocol import ALL, Sought
from store.sqlite import SqliteStore

SETTINGS = Settings()
LONG_AGO = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


class NeighbourlyStore(SqliteStore):
    """What the embedded index finds among all that is assessed."""

    windows = 0
    asked = 0

    def window(self, since: datetime, audiences: object) -> object:  # type: ignore[override]
        """Counts how often the window is read."""
        self.windows += 1
        return super().window(since, audiences)  # type: ignore[arg-type]

    def neighbours(self, sought: Sequence[Sought]) -> list[set[str]]:
        """See ``store.protocol.Neighbouring``."""
        self.asked += len(sought)
        idf = PairModel.load().idf
        index = Index()
        records: dict[str, Assessed] = {}
        for record in super().window(LONG_AGO, ALL):
            records[record.subject.id] = record
            index.add(make_item(record, idf))
        found = []
        for one in sought:
            near = index.candidates(make_item(one.found, idf), widest_s(SETTINGS.correlator))
            found.append({i for i in near if records[i].audience is one.found.audience})
        return found
