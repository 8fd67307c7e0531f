"""An embedded store that finds neighbours, by the correlator's own rules: exact, for comparing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.records import Audience
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
    _indexed_at = -1
    _audience_of: dict[str, Audience]

    def window(self, since: datetime, audiences: object) -> object:  # type: ignore[override]
        """Counts how often the window is read."""
        self.windows += 1
        return super().window(since, audiences)  # type: ignore[arg-type]

    def neighbours(self, sought: Sequence[Sought]) -> list[set[str]]:
        """See ``store.protocol.Neighbouring``."""
        self.asked += len(sought)
        if self._indexed_at != self.last_change():
            self._index_all()
        found = []
        for one in sought:
            item = make_item(one.found, self._idf)
            near = self._index.candidates(item, widest_s(SETTINGS.correlator))
            found.append({i for i in near if self._audience_of[i] is item.audience})
        return found

    def _index_all(self) -> None:
        self._indexed_at = self.last_change()
        self._idf = PairModel.load().idf
        self._index = Index()
        self._audience_of = {}
        for record in super().window(LONG_AGO, ALL):
            self._audience_of[record.subject.id] = record.audience
            self._index.add(make_item(record, self._idf))
