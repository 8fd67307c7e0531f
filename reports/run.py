"""Makes reports: reads the store, counts, renders, files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from core import filing
from core.clock import Clock
from core.errors import SettingsError
from core.records import Audience, Event, ReportState
from core.settings import ReportCopy, Settings, load_sources
from correlator.freshness import Freshness
from reports import pages, table
from reports.history import History, history
from reports.nightly import Material, Numbers, numbers
from reports.periods import Period, Span, just_ended, period
from reports.places import PlaceNames
from reports.texts import Words
from store.coverage import all_blind_spots
from store.protocol import EventQuery, Store
from store.upkeep import volumes

MOST_EVENTS = 1_000_000
KNOWN_TO_102 = (ReportState.REPORTED_BEFORE, ReportState.REPORTED_AFTER)
RECALL_NOTE = "learning:recall"
"""Where the audit sample's estimate stands: {"estimate", "low", "high", "audited"}."""


def make_report(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    copy: ReportCopy,
    span: Span = Span.NIGHTLY,
    day: date | None = None,
    folder: Path | None = None,
) -> list[Path]:
    """Make and file one report; its files, the page in the first language first.

    ``day``: any day of the period; default: the newest period that is over. Made again for the
    same period it replaces the files. ``folder`` is used as it is.
    """
    zone = time_zone(copy)
    now = clock.now()
    wanted = just_ended(span, now, zone) if day is None else period(span, day, zone)
    audience = Audience(copy.audience)
    places = PlaceNames.load()
    found = numbers(
        gather(store, settings, wanted, audience, now),
        wanted,
        places,
        now=now,
        audience=copy.audience,
        region=copy.region,
    )
    words = [Words.load(language, places) for language in copy.languages]
    target, stem = folder or home_of(settings, copy), filing.stem(wanted.span.value, wanted.first)
    pages_of = _pages(found, words, stem)
    made = filing.put(target, copy.audience, pages_of | _tables(found, stem))
    # Last, because it needs a library of the machine: without it the rest is there all the same.
    sheets = {
        f"{name.removesuffix('.html')}.pdf": pages.pdf(page.decode())
        for name, page in pages_of.items()
        if name.endswith(".html") and not name.endswith(".short.html")
    }
    return made + filing.put(target, copy.audience, sheets)


def home_of(settings: Settings, copy: ReportCopy) -> Path:
    """The folder of a copy's reports."""
    return settings.under_home(settings.reports.folder) / copy.audience / copy.name


def copy_named(settings: Settings, name: str) -> ReportCopy:
    """The configured copy of that name; raises SettingsError."""
    for copy in settings.reports.copies:
        if copy.name == name:
            return copy
    known = ", ".join(copy.name for copy in settings.reports.copies)
    raise SettingsError(f"reports.copies: there is no copy {name!r}; there are: {known or 'none'}")


def time_zone(copy: ReportCopy) -> ZoneInfo:
    """The copy's time zone; raises SettingsError."""
    try:
        return ZoneInfo(copy.time_zone)
    except (KeyError, ValueError) as error:
        raise SettingsError(
            f"reports.copies: {copy.name}: {copy.time_zone!r} is no time zone; "
            "name one as Asia/Almaty"
        ) from error


def gather(
    store: Store, settings: Settings, wanted: Period, audience: Audience, now: datetime
) -> Material:
    """What a report of one audience is made of; nothing of another audience is read."""
    only = frozenset({audience})
    events = list(_incidents(store, wanted.since, wanted.until, only))
    reports = settings.reports
    sources = load_sources(settings.crawlers.sources_file) if audience is Audience.OPEN else []
    names = [source.name for source in sources]
    freshness = Freshness.of(store.heartbeats(), settings.intake.feeds, now)
    return Material(
        histories=[_history(store, event, only) for event in events],
        norm=list(_norm(store, wanted, only)),
        volumes=volumes(store, wanted.since, wanted.until, only),
        configured=names,
        unread=all_blind_spots(store, names, now),
        silent_feeds=freshness.silent,
        assessors=_assessors(store, events, only),
        recall=_recall(store) if audience is Audience.OPEN else None,
        aims_s={
            "publish_to_accept": reports.publish_to_accept_s,
            "accept_to_screen": reports.accept_to_screen_s,
            "screen_to_decision": reports.screen_to_decision_s,
        },
    )


def _incidents(
    store: Store, since: datetime, until: datetime, only: frozenset[Audience]
) -> Iterator[Event]:
    """Events that count (see ``nightly.is_incident``), by three queries that each may use an
    index: of a million posts a day nearly all are in events that do not count.
    """
    seen: set[str] = set()
    queries = (
        EventQuery(since=since, until=until, order="time", limit=MOST_EVENTS, min_incident=0.5),
        EventQuery(since=since, until=until, order="time", limit=MOST_EVENTS, states=KNOWN_TO_102),
        EventQuery(since=since, until=until, order="time", limit=MOST_EVENTS, undecided=False),
    )
    for query in queries:
        for event in store.events(query, only):
            if event.id not in seen:
                seen.add(event.id)
                yield event


def _norm(store: Store, wanted: Period, only: frozenset[Audience]) -> Iterator[Event]:
    """The events of the norm days, a day at a time so that memory stays small."""
    start = wanted.norm_since
    while start < wanted.since:
        end = min(start + timedelta(days=1), wanted.since)
        for event in _incidents(store, start, end, only):
            # Only what is counted: a month of headlines would be read for nothing.
            yield event.model_copy(update={"candidates": (), "headline": ""})
        start = end


def _history(store: Store, event: Event, only: frozenset[Audience]) -> History:
    firsts = [
        versions[0] for link in event.posts if (versions := store.post_versions(link.id, only))
    ]
    about = [d for name in (event.id, *event.aliases) for d in store.decisions(only, name)]
    return history(event, store.event_versions(event.id, only), firsts, about)


def _assessors(store: Store, events: Sequence[Event], only: frozenset[Audience]) -> list[str]:
    subjects = [link.id for event in events[:500] for link in event.posts[:1]]
    return sorted({a.assessor for a in store.assessments(subjects, only).values()})


def _recall(store: Store) -> tuple[float, float, float, int] | None:
    note = store.note(RECALL_NOTE)
    if note is None:
        return None
    value = json.loads(note)
    return (value["estimate"], value["low"], value["high"], value["audited"])


def _tables(found: Numbers, stem: str) -> dict[str, bytes]:
    return {
        f"{stem}.csv": table.csv_text(found).encode(),
        f"{stem}.json": found.model_dump_json(indent=2).encode(),
    }


def _pages(found: Numbers, words: Sequence[Words], stem: str) -> dict[str, bytes]:
    """File names and contents; the first language has no mark in its names."""
    contents = {}
    for number, each in enumerate(words):
        mark = stem if number == 0 else f"{stem}.{each.language}"
        contents[f"{mark}.html"] = pages.html(found, each).encode()
        contents[f"{mark}.short.html"] = pages.short_html(found, each).encode()
        contents[f"{mark}.short.txt"] = pages.short_text(found, each).encode()
    return contents
