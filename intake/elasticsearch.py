"""Reports that are already in an Elasticsearch: follows an index or alias, never writes to it.

Incremental by the field of time and the id, with overlap, so that what came late or was changed is
read again; what is known already is a repeat and changes nothing. The cursor moves when a round is
complete, so a kill only means reading again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from elasticsearch import ApiError, Elasticsearch, TransportError

from core.clock import Clock
from core.errors import InputError, SourceError
from core.ids import content_digest, digest
from core.inputs import make_report
from core.lines import refused
from core.records import Heartbeat, Outcome, Report
from core.sealing import open_extra, seal_extra
from core.settings import ElasticsearchSettings, FollowSettings, Settings
from store.elasticsearch.connection import connect
from store.ingest import CONFLICT
from store.keyring import key_of
from store.protocol import ALL, Store

log = logging.getLogger(__name__)


@dataclass
class Followed:
    """What became of the documents of one round. ``changed``: those that say something new of a
    report that is known."""

    accepted: int = 0
    repeated: int = 0
    changed: int = 0
    refused: int = 0


class Follower:
    """Follows one index. One follower an index is enough; two do no harm."""

    def __init__(
        self, store: Store, client: Elasticsearch, settings: Settings, clock: Clock
    ) -> None:
        self._store = store
        self._client = client
        self._settings = settings
        self._follow = settings.follow
        self._clock = clock
        self._key = key_of(store, settings)
        self._cursor = f"follow:{self._follow.index}"
        self._full_at: datetime | None = None

    def watch(self, stop: threading.Event) -> None:
        """Follow until told to stop; a source that is away is tried again."""
        failing = False
        while not stop.is_set():
            try:
                self.round()
            except SourceError as error:
                if not failing:
                    log.warning("%s", error)
                failing = True
            else:
                failing = False
            stop.wait(self._follow.interval_s)

    def round(self) -> Followed:
        """Read what is new, late or changed; raises SourceError when the index cannot be read."""
        found = Followed()
        newest: datetime | None = None
        for hits in self._pages():
            self._take(hits, found)
            newest = self._time_of(hits[-1]) or newest
        kept = self._store.note(self._cursor)
        if newest is not None:
            newest = min(newest, self._clock.now())  # one from the future must not hide the rest
        if newest is not None and (kept is None or newest > datetime.fromisoformat(kept)):
            self._store.put_note(self._cursor, newest.isoformat())
        self._beat()
        if found.accepted or found.changed or found.refused:
            log.info(
                "followed index: %d accepted, %d repeated, %d changed, %d refused",
                found.accepted,
                found.repeated,
                found.changed,
                found.refused,
            )
        return found

    # -- inside -----------------------------------------------------------------------------

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        """Hits since the cursor less the overlap, in pages, in the order of time and id."""
        follow = self._follow
        query: dict[str, Any] = {"match_all": {}}
        since = self._since()
        if since is not None:
            query = {"range": {follow.time_field: {"gte": since.isoformat()}}}
        after: dict[str, Any] = {}
        while True:
            try:
                answer = self._client.search(
                    index=follow.index,
                    query=query,
                    sort=[{follow.time_field: "asc"}, {follow.id_field: "asc"}],
                    size=follow.page,
                    **after,
                )
            except (ApiError, TransportError) as error:
                raise SourceError(
                    f"index {follow.index!r} of the 102 side cannot be read "
                    f"({type(error).__name__}); check section follow of the settings"
                ) from error
            hits: list[dict[str, Any]] = answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < follow.page:
                return
            after = {"search_after": hits[-1]["sort"]}

    def _since(self) -> datetime | None:
        """From when on to read; now and then from further back, for what came very late."""
        note, now = self._store.note(self._cursor), self._clock.now()
        if note is None:
            self._full_at = now
            return None
        back = timedelta(seconds=self._follow.overlap_s)
        full = timedelta(hours=self._follow.full_every_h)
        if self._full_at is None or abs(now - self._full_at) >= full:
            self._full_at = now
            back = max(back, timedelta(hours=self._follow.full_back_h))
        return datetime.fromisoformat(note) - back

    def _take(self, hits: list[dict[str, Any]], found: Followed) -> None:
        reports: list[tuple[dict[str, Any], Report]] = []
        aside = []
        for hit in hits:
            try:
                value = mapped(hit["_source"], self._follow, hit["_id"])
                report = make_report(value, now=self._clock.now())
                reports.append((hit, seal_extra(report, self._key)))
            except InputError as error:
                aside.append(self._aside(hit, str(error)))
                found.refused += 1
        outcomes = self._store.accept_reports([report for _, report in reports])
        for (hit, report), outcome in zip(reports, outcomes, strict=True):
            if outcome is Outcome.ACCEPTED:
                found.accepted += 1
            elif outcome is Outcome.REPEATED or self._is_known(report):
                found.repeated += 1
            elif self._accept_change(report):
                found.changed += 1
            else:
                aside.append(self._aside(hit, CONFLICT))
                found.refused += 1
        self._store.set_aside(aside)

    def _is_known(self, report: Report) -> bool:
        """Whether nothing that we use of a report has changed, or the change is known."""
        kept = self._store.report(report.id, ALL)
        return kept is not None and _used(kept) == _used(report)

    def _accept_change(self, report: Report) -> bool:
        """A change as a further report that names the first; nothing that is kept changes."""
        name = f"{report.id}@{digest(*map(str, _used(report)))[:8]}"
        fields = {**open_extra(report, self._key), "changes": report.id}
        further = seal_extra(report.model_copy(update={"id": name, "extra": fields}), self._key)
        (outcome,) = self._store.accept_reports([further])
        return outcome is not Outcome.CONFLICT

    def _aside(self, hit: Mapping[str, Any], problem: str) -> Any:
        data = json.dumps(hit["_source"], ensure_ascii=False).encode()
        return refused(
            kind="report",
            where=f"{self._follow.index}/{hit['_id']}@{content_digest(hit['_source'])[:8]}",
            problem=problem,
            record=data,
            size_bytes=len(data),
            at=self._clock.now(),
            key=self._key,
        )

    def _time_of(self, hit: Mapping[str, Any]) -> datetime | None:
        """The time that a hit is sorted by (UTC), ``None`` when it has none."""
        value = value_at(hit["_source"], self._follow.time_field)
        try:
            return as_time(value, self._follow.zone)
        except InputError:
            return None

    def _beat(self) -> None:
        """A round that could ask is a sign of life of the feeds that the index stands for."""
        limit_s = self._settings.intake.heartbeat_limit_s
        for feed in self._follow.feeds:
            self._store.beat(Heartbeat(feed=feed, at=self._clock.now(), limit_s=limit_s))


def _used(report: Report) -> tuple[object, ...]:
    """What of a report the stages after us look at."""
    return (
        report.text,
        report.received_at,
        report.lat,
        report.lon,
        report.category,
        report.channel,
        report.media,
    )


def client_for(settings: Settings) -> Elasticsearch:
    """A client of the followed cluster; raises SettingsError for a key that is not there."""
    follow = settings.follow
    return connect(
        ElasticsearchSettings(
            hosts=follow.hosts, api_key_file=follow.api_key_file, ca_file=follow.ca_file
        ),
        settings.home,
    )


def mapped(source: Mapping[str, Any], follow: FollowSettings, document_id: str) -> dict[str, Any]:
    """A document as an input report, by the field mapping of the settings; raises InputError.

    Fields that are not mapped are kept as ``origin``. Where no id is mapped it is the document's.
    """
    value: dict[str, Any] = {"id": document_id, "origin": dict(source)}
    for field, path in follow.fields.items():
        found = value_at(source, path)
        if found is not None:
            value[field] = found
    if "received_at" in value:
        value["received_at"] = as_time(value["received_at"], follow.zone).isoformat()
    for field in ("lat", "lon", "accuracy_m"):
        if field in value:
            value[field] = _number(field, value[field])
    point = value.pop("point", None)
    if point is not None:
        value |= _point(point)
    for field, table in (("category", follow.categories), ("channel", follow.channels)):
        if field in value:
            value[field] = table.get(str(value[field]), value[field])
    if follow.channel is not None:
        value.setdefault("channel", follow.channel.value)
    if not isinstance(value.get("id"), str):
        value["id"] = str(value["id"])
    value["id"] = f"{follow.id_prefix}{value['id']}"
    return value


def value_at(source: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, also where a key itself has dots; ``None`` when there is none."""
    if path in source:
        return source[path]
    head, _, rest = path.partition(".")
    while rest:
        inner = source.get(head)
        if isinstance(inner, Mapping):
            found = value_at(inner, rest)
            if found is not None:
                return found
        more, _, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def as_time(value: object, zone: str) -> datetime:
    """A time of the origin: ISO 8601, or milliseconds since 1970; raises InputError.

    One without offset is local time of ``zone``.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC)
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InputError(f"received_at: {str(value)[:40]!r} is no time in ISO 8601") from error
    return time if time.tzinfo is not None else time.replace(tzinfo=ZoneInfo(zone))


def _number(field: str, value: object) -> float:
    try:
        return float(str(value).replace(",", "."))
    except ValueError as error:
        raise InputError(f"{field}: {str(value)[:40]!r} is no number") from error


def _point(value: object) -> dict[str, float]:
    """A geo_point in any of the ways in which Elasticsearch takes one."""
    if isinstance(value, Mapping):
        if "coordinates" in value:
            value = value["coordinates"]
        else:
            return {name: _number(name, value.get(name)) for name in ("lat", "lon")}
    if isinstance(value, list) and len(value) == 2:
        return {"lon": _number("lon", value[0]), "lat": _number("lat", value[1])}
    lat, comma, lon = str(value).partition(",")
    if comma:
        return {"lat": _number("lat", lat), "lon": _number("lon", lon)}
    raise InputError(f"point: {str(value)[:40]!r} is no place; as {{'lat': 43.2, 'lon': 76.9}}")
