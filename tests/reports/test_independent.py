"""The report's numbers against plain SQL on the file: another way to the same figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from core.clock import FixedClock
from core.records import Audience
from core.settings import ReportCopy
from reports.run import make_report
from store.sqlite import SqliteStore
from tests.reports.days import DAY, MORNING, alive, fill, settings_at

SINCE = int(datetime(2026, 3, 19, 19, tzinfo=UTC).timestamp() * 1e6)
UNTIL = SINCE + 86_400_000_000
DAYS_EVENTS = (
    "SELECT * FROM event_open WHERE newest AND NOT merged AND started_us >= :since "
    "AND started_us < :until AND (incident >= 0.5 OR decided OR "
    "json_array_length(body, '$.reports') > 0)"
)
QUERIES = {
    "events": "SELECT count(*) FROM e",
    "flagged": (
        "SELECT count(DISTINCT f.id) FROM event_open AS f JOIN e ON e.id = f.id WHERE f.flagged"
    ),
    "confirmed": "SELECT count(*) FROM e WHERE body ->> 'decided' = 'confirm'",
    "rejected": "SELECT count(*) FROM e WHERE body ->> 'decided' = 'reject'",
    "never_reported": "SELECT count(*) FROM e WHERE state = 'unreported'",
    "ahead": "SELECT count(*) FROM e WHERE (body ->> 'lead_s') > 0",
    "waiting": "SELECT count(*) FROM e WHERE flagged AND NOT decided",
}
MEDIAN_LEAD = (
    "SELECT body ->> 'lead_s' FROM e WHERE (body ->> 'lead_s') > 0 ORDER BY 1 "
    "LIMIT 1 OFFSET (SELECT (count(*) - 1) / 2 FROM e WHERE (body ->> 'lead_s') > 0)"
)
DECISION_WAITS = (
    "SELECT avg((d.at_us - s.at) / 1e6 <= 300), count(*) FROM decision_open AS d JOIN ("
    "SELECT id, min((julianday(body ->> 'updated_at') - 2440587.5) * 86400e6) AS at "
    "FROM event_open WHERE flagged GROUP BY id) AS s ON s.id = d.event JOIN e ON e.id = d.event"
)


def test_recomputed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "oqiga.db")
    alive(store, MORNING)
    for back in range(1, 4):
        fill(store, 15, day=DAY - timedelta(days=back))
    fill(store, 120)
    fill(store, 20, audience=Audience.CONFIDENTIAL)
    paths = make_report(
        store,
        settings_at(tmp_path),
        FixedClock(MORNING),
        copy=ReportCopy(name="country", languages=("ru",)),
        day=DAY,
    )
    store.close()
    found = json.loads(paths[0].with_suffix(".json").read_text("utf-8"))
    db = apsw.Connection(str(tmp_path / "oqiga.db"))
    values = {"since": SINCE, "until": UNTIL}

    def rows(query: str) -> list[tuple[object, ...]]:
        return db.execute(f"WITH e AS ({DAYS_EVENTS}) {query}", values).fetchall()

    assert {name: rows(query)[0][0] for name, query in QUERIES.items()} == {
        name: found[name] for name in QUERIES
    }
    assert found["events"] == 120
    assert rows(MEDIAN_LEAD)[0][0] == found["leads"]["median_s"]
    by_category = rows("SELECT category, state, count(*) FROM e GROUP BY 1, 2")
    assert {(c, s): n for c, s, n in by_category} == {
        (c, s): n for c, states in found["categories"].items() for s, n in states.items()
    }
    sources = rows(
        "SELECT body ->> 'source', count(*) FROM post_open WHERE version = 1 "
        "AND posted_us >= :since AND posted_us < :until AND :until > 0 GROUP BY 1"
    )
    assert dict(sources) == {row["source"]: row["posts"] for row in found["sources"]}
    expected = rows(
        "SELECT count(*) FROM event_open WHERE newest AND started_us < :since "
        "AND started_us >= :since - 28 * 86400000000 AND :until > 0"
    )[0][0]
    cells = found["cells"]
    assert abs(sum(c["expected"] for c in cells) * 28 - 0.5 * len(cells) - expected) < 1e-6
    assert sum(c["count"] for c in cells) == 120
    within, decided = rows(DECISION_WAITS)[0]
    level = next(x for x in found["levels"] if x["name"] == "screen_to_decision")
    assert (level["events"], round(level["within"], 9)) == (decided, round(within, 9))
    db.close()
