"""The report's numbers: what counts, and that a copy holds nothing of another audience."""

from __future__ import annotations

import csv
import json
from datetime import UTC, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from core.clock import FixedClock
from core.coverage import Gap, Ledger
from core.records import Audience, Category, Decision, DecisionKind, Event, Link, ReportState
from core.settings import ReportCopy
from reports.history import History, history
from reports.nightly import Material, Numbers, numbers
from reports.periods import Span, period
from reports.places import PlaceNames, region_of, territory_of
from reports.run import make_report
from store.coverage import keep_ledger
from store.protocol import EventWrite
from store.sqlite import SqliteStore
from tests.reports.days import DAY, MORNING, NOON, alive, event, fill, settings_at

ALMATY = ZoneInfo("Asia/Almaty")
PLACES = PlaceNames.load()
AIMS = {"publish_to_accept": 60.0, "accept_to_screen": 60.0, "screen_to_decision": 60.0}


def counted(*events: Event, region: str | None = None, norm: tuple[Event, ...] = ()) -> Numbers:
    histories = [history(e, [e], [], []) for e in events]
    return numbers(
        Material(histories=histories, norm=norm, aims_s=AIMS),
        period(Span.NIGHTLY, DAY, ALMATY),
        PLACES,
        now=MORNING,
        audience="open",
        region=region,
    )


def test_numbers() -> None:
    after = {"report_state": ReportState.REPORTED_AFTER, "flagged": False}
    found = counted(
        event("a", priority=0.9),
        event("b", **after, lead_s=60.0),
        event("c", **after, lead_s=600.0, decided="confirm"),
        event("d", incident=0.1, flagged=False),
        event("e", category=Category.WEAPON, decided="reject", flagged=False),
        event("f", location_path=(), report_state=ReportState.UNKNOWN),
    )
    assert (found.events, found.flagged, found.waiting) == (5, 2, 2)
    assert (found.confirmed, found.rejected, found.never_reported) == (1, 1, 2)
    assert found.states == {
        "unreported": 2,
        "reported_before": 0,
        "reported_after": 2,
        "unknown": 1,
    }
    assert (found.ahead, found.leads.median_s, found.leads.p90_s) == (2, 60.0, 600.0)
    assert found.leads.classes == (0, 1, 1, 0, 0, 0)
    assert found.regions == {"kz/almaty": 4, "-": 1}
    assert found.categories["weapon"] == {"unreported": 1}
    assert found.gravest[0].event_id == "a"
    assert counted(event("a"), event("f", location_path=()), region="kz/almaty").events == 1


def test_a_day_with_nothing() -> None:
    found = counted()
    assert (found.events, found.leads.events, found.leads.median_s) == (0, 0, None)
    assert found.gravest == found.open == found.cells == []
    assert "kz/almaty" in found.blind.regions


def test_places() -> None:
    semey = event("x", location_path=("kz/abai/city/semey", "kz/abai", "kz"))
    assert region_of(semey) == "kz/abai"
    almaly = event("x", location_path=("kz/almaty/district/almaly", "kz/almaty", "kz"))
    assert territory_of(almaly, PLACES) == "kz/almaty/district/almaly"
    assert territory_of(event("x"), PLACES) == "kz/almaty"
    assert territory_of(event("x", location_path=()), PLACES) == "-"


def test_an_undone_verdict_does_not_count() -> None:
    made = event("a")

    def decision(number: int, kind: DecisionKind, undoes: str | None = None) -> Decision:
        return Decision(
            id=f"d{number}",
            event="a",
            event_version=1,
            kind=kind,
            by="s",
            at=NOON + timedelta(minutes=number),
            undoes=undoes,
            reason="old: вчера" if kind is DecisionKind.REJECT else None,
        )

    def verdict(*decisions: Decision) -> History:
        return history(made, [made], [], decisions)

    wrong = decision(1, DecisionKind.REJECT)
    assert verdict(wrong).verdict == "reject"
    assert verdict(wrong).reason == "old"
    assert verdict(wrong, decision(2, DecisionKind.UNDO, "d1")).verdict is None
    last = verdict(wrong, decision(2, DecisionKind.UNDO, "d1"), decision(3, DecisionKind.CONFIRM))
    assert (last.verdict, last.decided_at) == ("confirm", NOON + timedelta(minutes=3))


def test_files_hold_the_day_and_nothing_of_another_audience(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "oqiga.db")
    alive(store, MORNING)
    secret = event("secret", audience=Audience.CONFIDENTIAL, headline="гаишник вымогает")
    store.write_events(
        [
            EventWrite(made, 0)
            for made in (event("in"), event("out", started_at=NOON - timedelta(days=1)), secret)
        ]
    )
    settings, clock = settings_at(tmp_path), FixedClock(MORNING)
    paths = make_report(store, settings, clock, copy=ReportCopy(name="country"))
    names = [path.name for path in paths]
    forms = ("html", "csv", "json", "pdf", "short.html", "short.txt", "kk.html", "kk.pdf")
    assert {f"nightly-2026-03-20.{form}" for form in forms} <= set(names)
    html = paths[0].read_text("utf-8")
    assert "ДТП in" in html
    assert "8 700" not in html, "phones are masked"
    for path in paths:
        content = path.read_bytes()
        for word in ("secret", "вымогает", "ДТП out", "police_corruption", "безопасности"):
            assert word.encode() not in content
    assert json.loads(paths[0].with_suffix(".json").read_text("utf-8"))["events"] == 1
    with paths[0].with_suffix(".csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert ["category", "road_crash", "unreported", "1"] in rows
    own = make_report(
        store, settings, clock, copy=ReportCopy(name="internal_security", audience="confidential")
    )
    store.close()
    text = own[0].read_text("utf-8")
    assert "вымогает" in text
    assert "ДТП in" not in text
    assert own[0].stat().st_mode & 0o777 == 0o600
    assert own[0].parent.stat().st_mode & 0o777 == 0o700


def test_what_the_readers_ledgers_tell_is_in_the_report(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "oqiga.db")
    alive(store, MORNING)
    settings = settings_at(tmp_path)
    sources = tmp_path / "sources.toml"
    sources.write_text('[[source]]\nname = "quiet"\nkind = "feed"\naddress = "https://q.example"\n')
    crawlers = settings.crawlers.model_copy(update={"sources_file": sources})
    settings = settings.model_copy(update={"crawlers": crawlers})
    gap = Gap(first="5", last="9", found_at=NOON, why="the page <b>began</b> at 10", missing=5)
    keep_ledger(store, Ledger(source="quiet", gaps=(gap,)))
    for audience, count in (("open", 1), ("confidential", 0)):
        paths = make_report(
            store, settings, FixedClock(MORNING), copy=ReportCopy(name="c", audience=audience)
        )
        html = paths[0].read_text("utf-8")
        assert html.count("quiet: пропуск сообщений (5)") == count
        assert "<b>began" not in html
        table = paths[0].with_suffix(".csv").read_text("utf-8-sig")
        assert table.count("blind,quiet,gap,5") == count
    store.close()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Headlines are written by strangers: no markup in pages, no formula in spreadsheets."""
    store = SqliteStore(tmp_path / "oqiga.db")
    hostile = event("x", headline='=HYPERLINK("http://x") <script>alert(1)</script>')
    store.write_events([EventWrite(hostile, 0)])
    paths = make_report(
        store,
        settings_at(tmp_path),
        FixedClock(MORNING),
        copy=ReportCopy(name="country", languages=("ru",)),
    )
    store.close()
    assert "<script>" not in paths[0].read_text("utf-8")
    with paths[0].with_suffix(".csv").open(encoding="utf-8-sig") as file:
        assert all(not cell.startswith("=") for row in csv.reader(file) for cell in row)


def test_weekly_and_monthly_from_the_same_parts(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "oqiga.db")
    alive(store, MORNING)
    for back in range(4):
        fill(store, 3, day=DAY - timedelta(days=back))
    settings, clock = settings_at(tmp_path), FixedClock(MORNING)
    copy = ReportCopy(name="country", languages=("kk",))
    found = {}
    for span in Span:
        paths = make_report(store, settings, clock, copy=copy, span=span, day=DAY)
        found[span] = json.loads(paths[0].with_suffix(".json").read_text("utf-8"))
    store.close()
    assert [found[span]["events"] for span in Span] == [3, 12, 12]
    assert found[Span.WEEKLY]["first"] == "2026-03-16"
    days = found[Span.MONTHLY]["days"]
    assert len(days) == 31
    assert {day for day, count in days.items() if count} == {f"2026-03-{n}" for n in range(17, 21)}


def test_a_link_at_the_same_moment_is_no_lead() -> None:
    same = event(
        "a",
        reports=(Link(kind="report", id="r", at=NOON.astimezone(UTC)),),
        report_state=ReportState.REPORTED_BEFORE,
        flagged=False,
    )
    assert counted(same).ahead == 0
