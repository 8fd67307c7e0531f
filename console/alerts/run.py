"""Watches the board, writes deliveries down by the rules, and sends what is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from console.alerts.budget import AlertBudget
from console.alerts.channels import Message, Send
from console.alerts.outbox import Delivery, Outbox, State
from console.alerts.rules import News, applies, over_budget, quiet
from console.board import AUDIENCES, Board, Entry
from console.reading import Reading
from console.rows import level_of
from console.texts import Translate
from console.times import distance, moment, zone
from console.watch import Waiting, waiting
from core.clock import Clock
from core.errors import OqigaError
from core.records import Audience
from core.settings import AlertRule, Settings
from store.troubles import Trouble

log = logging.getLogger(__name__)
POLL_S = 1.0
CLEAR_S = 3_600.0
FRESH = timedelta(hours=3)
"""What was first flagged or failed longer ago is no news: after a pause nobody is flooded."""
FAILURE = "failure"
"""The occasion of a delivery about scheduled work; its ``event`` is the trouble's id."""


class Alerts:
    """One round writes down what is new and sends what is due; ``watch`` goes round and round."""

    def __init__(
        self,
        board: Board,
        reading: Reading,
        outbox: Outbox,
        settings: Settings,
        clock: Clock,
        *,
        real: Clock,
        channels: Mapping[str, Send],
        texts: Mapping[str, Translate],
        budget: AlertBudget,
    ) -> None:
        self._board = board
        self._reading = reading
        self._outbox = outbox
        self._settings = settings
        self._clock = clock
        self._real = real
        self._channels = channels
        self._texts = texts
        self._budget = budget
        self._local = zone(settings.console.time_zone)
        self._told: set[tuple[str, str, str]] = set()

    def watch(self, stop: threading.Event) -> None:
        """Go on until told to stop; a store that fails for a while is tried again."""
        cleared_s = 0.0
        while not stop.wait(POLL_S):
            try:
                self.round()
                cleared_s += POLL_S
                if cleared_s >= CLEAR_S:
                    cleared_s = 0.0
                    self._outbox.clear()
            except OqigaError as error:
                log.error("alerts: %s", error)

    def round(self) -> int:
        """Write down what is new, send what is due; the number of deliveries tried."""
        if self._settings.alerts.rules:
            self._write_down()
            self._write_down_failures()
        due = self._outbox.due()
        for delivery in due:
            self._try(delivery)
        return len(due)

    # -- writing down ----------------------------------------------------------------------

    def _write_down(self) -> None:
        now = self._clock.now()
        limits = self._settings.console.overdue_min.model_dump()
        for audience in AUDIENCES:
            rules = [r for r in self._rules("events") if r.audience == audience.value]
            if not rules:
                continue
            found = waiting(self._board.all({audience}), {}, limits, now)
            # The budget goes to what matters most, not to what is looked at first.
            for one in sorted(found, key=lambda w: -w.entry.event.priority):
                if now - one.entry.flagged_at > FRESH and not one.overdue:
                    continue
                for rule in rules:
                    self._consider(rule, one, audience)

    def _write_down_failures(self) -> None:
        rules = [r for r in self._rules("failures") if r.audience == Audience.OPEN.value]
        if not rules:
            return
        now = self._clock.now()
        for trouble in self._outbox.troubles():
            for rule in rules:
                key = (rule.name, trouble.id, FAILURE)
                if key in self._told or now - trouble.at > FRESH:
                    continue
                self._outbox.add(
                    rule=rule.name,
                    channel=rule.channel,
                    event=trouble.id,
                    audience=Audience.OPEN,
                    occasion=FAILURE,
                    state=State.HELD if self._over_budget(rule) else State.WAITING,
                )
                self._told.add(key)

    def _rules(self, about: str) -> list[AlertRule]:
        return [rule for rule in self._settings.alerts.rules if rule.about == about]

    def _consider(self, rule: AlertRule, one: Waiting, audience: Audience) -> None:
        for news in self._news(one, audience):
            occasion = "overdue" if news.overdue else f"flag:{one.level.value}"
            key = (rule.name, one.entry.event.id, occasion)
            if key in self._told or not applies(rule, news):
                continue
            held = quiet(rule, news, self._real.now(), self._local) or self._over_budget(rule)
            self._outbox.add(
                rule=rule.name,
                channel=rule.channel,
                event=one.entry.event.id,
                audience=audience,
                occasion=occasion,
                state=State.HELD if held else State.WAITING,
            )
            self._told.add(key)

    def _news(self, one: Waiting, audience: Audience) -> list[News]:
        event = one.entry.event
        fresh = News(
            audience=audience.value,
            category=one.entry.standing.category or event.category,
            region=one.entry.region,
            level=one.level,
        )
        if not one.overdue:
            return [fresh]
        return [fresh, News(fresh.audience, fresh.category, fresh.region, fresh.level, True)]

    def _over_budget(self, rule: AlertRule) -> bool:
        sent = [
            d.at
            for d in self._outbox.deliveries(AUDIENCES)
            if d.rule == rule.name and d.state in (State.WAITING, State.SENT)
        ]
        return over_budget(sent, self._real.now(), self._budget.per_hour * rule.people)

    # -- sending ---------------------------------------------------------------------------

    def _try(self, delivery: Delivery) -> None:
        lasts = timedelta(seconds=2 * self._settings.alerts.timeout_s)
        taken = self._outbox.take(delivery, lasts)
        if taken is None:
            return
        rule = next((r for r in self._settings.alerts.rules if r.name == taken.rule), None)
        message = None if rule is None else self._message(taken, rule)
        if rule is None or message is None:
            self._outbox.drop(taken, "the rule or the event is no longer there")
            return
        problem: str | None = None
        try:
            self._channels[taken.channel](rule, message)
        except OqigaError as error:
            problem = str(error)
            log.warning("delivery %s by %s failed: %s", taken.id, taken.channel, problem)
        self._outbox.done(taken, problem, self._settings.alerts.attempts)

    def _entry(self, delivery: Delivery) -> Entry | None:
        """The event as this audience may see it now, ``None`` when it may not any more."""
        for entry in self._board.all({delivery.audience}):
            if entry.event.id == delivery.event:
                return entry
        return None

    def _message(self, delivery: Delivery, rule: AlertRule) -> Message | None:
        """What there is to say now, ``None`` when what it was about is gone."""
        if delivery.occasion == FAILURE:
            found = next((one for one in self._outbox.troubles() if one.id == delivery.event), None)
            return None if found is None else self._of_failure(delivery, rule, found)
        entry = self._entry(delivery)
        return None if entry is None else self._of_event(delivery, rule, entry)

    def _of_failure(self, delivery: Delivery, rule: AlertRule, trouble: Trouble) -> Message:
        t = self._texts[rule.language]
        link = f"{self._settings.alerts.base_url.rstrip('/')}/admin"
        lines = (trouble.problem, moment(trouble.at, self._local), link)
        data = {
            "occasion": FAILURE,
            "where": trouble.where,
            "problem": trouble.problem,
            "at": trouble.at.isoformat(),
            "url": link,
        }
        title = f"{t('alerts.failure')}: {trouble.where}"
        return Message(delivery.id, title, "\n".join(lines), data)

    def _of_event(self, delivery: Delivery, rule: AlertRule, entry: Entry) -> Message:
        t = self._texts[rule.language]
        (row,) = self._reading.rows_of([entry], frozenset({delivery.audience}))
        event = entry.event
        town = row.town.names[t.lang] if row.town else None
        names = dict.fromkeys(part for part in (town, row.place) if part)
        place = ", ".join(names) or t("row.no_place")
        if event.location:
            place += f" ±{distance(event.location.radius_m, t)}"
        title = f"{t(f'category.{row.category}')}: {place}"
        if delivery.occasion == "overdue":
            title = f"{t('lead.overdue')}. {title}"
        link = f"{self._settings.alerts.base_url.rstrip('/')}/events/{event.id}"
        lines = (
            row.headline,
            t(f"state.{event.report_state}"),
            moment(event.started_at, self._local),
            link,
        )
        data: dict[str, Any] = {
            "event": event.id,
            "version": event.version,
            "occasion": delivery.occasion,
            "category": row.category.value,
            "severity": level_of(event).value,
            "report_state": event.report_state.value,
            "region": entry.region,
            "place": place,
            "headline": row.headline,
            "started_at": event.started_at.isoformat(),
            "location": event.location.model_dump() if event.location else None,
            "url": link,
        }
        return Message(delivery.id, title, "\n".join(line for line in lines if line), data)
