"""What happens in the simulated city: the truth. A function of the settings and the seed alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import cos, exp, pi, radians, sin
from pathlib import Path
from random import Random

from core.records import Category

HERE = Path(__file__).parent
START = datetime(2026, 5, 16, 12, 0, tzinfo=UTC)
CENTRE = (43.24, 76.92)
HALF_WIDTH_M = 7_000.0
DEGREE_M = 111_195.0
NEAR_MISS_M = (250.0, 900.0)
NEAR_MISS_MIN = 40.0


@dataclass(frozen=True)
class City:
    """What a simulated stretch of time is like.

    ``density``: events an hour. ``volume``: mean posts about one event, reposts aside.
    ``place_noise_m``: standard deviation of a told place in each direction; ``placed``: share of
    posts that name a place; ``delay_min``: mean delay of a post after its event; ``reposts``: mean
    copies made of each post and each copy; ``reported``: share of events that 102 is told of;
    ``jitter_m``: standard deviation of a report's point; ``near_misses``: share of events followed
    by another of the same kind near by, as long as such a story is left untold; ``moving``:
    share of events that move on, drunk drivers always do; ``drift_m_min``: metres a minute that
    they get on, stops included; ``chatter``: posts about nothing an hour.
    """

    seed: int = 1
    hours: float = 3.0
    density: float = 6.0
    volume: float = 4.0
    place_noise_m: float = 150.0
    placed: float = 0.7
    delay_min: float = 15.0
    reposts: float = 0.3
    reported: float = 0.6
    jitter_m: float = 80.0
    near_misses: float = 0.3
    moving: float = 0.0
    drift_m_min: float = 250.0
    chatter: float = 20.0


@dataclass(frozen=True)
class Story:
    """One incident in whole sentences, by language; ``report``: as call cards have it."""

    key: str
    category: Category
    ru: tuple[str, ...]
    kk: tuple[str, ...]
    mixed: tuple[str, ...]
    translit: tuple[str, ...]
    report: tuple[str, ...]


@dataclass(frozen=True)
class Spot:
    """A point, degrees."""

    lat: float
    lon: float

    def moved(self, north_m: float, east_m: float) -> Spot:
        """The point so many metres off."""
        return Spot(
            self.lat + north_m / DEGREE_M,
            self.lon + east_m / (DEGREE_M * cos(radians(self.lat))),
        )


@dataclass(frozen=True)
class TrueEvent:
    """What happened. ``drift``: metres a minute to the north and to the east, for what moves on;
    ``near_miss_of``: another's key.
    """

    key: str
    story: Story
    at: datetime
    spot: Spot
    reported: bool
    drift: tuple[float, float] | None
    near_miss_of: str | None

    def where(self, when: datetime) -> Spot:
        """Its place at a time."""
        if self.drift is None:
            return self.spot
        minutes = max(0.0, (when - self.at).total_seconds()) / 60.0
        return self.spot.moved(minutes * self.drift[0], minutes * self.drift[1])


def happenings(city: City) -> list[TrueEvent]:
    """All events by time; every story is told once before one is told again."""
    draw = Random(f"{city.seed}/events")  # noqa: S311 - a simulation
    events: list[TrueEvent] = []
    waiting: list[Story] = []
    minute = 0.0
    while (minute := minute + draw.expovariate(city.density / 60.0)) < city.hours * 60.0:
        waiting = waiting or draw.sample(stories(), len(stories()))
        spot = Spot(*CENTRE).moved(
            draw.uniform(-HALF_WIDTH_M, HALF_WIDTH_M), draw.uniform(-HALF_WIDTH_M, HALF_WIDTH_M)
        )
        event = _event(city, draw, len(events), waiting.pop(), minute, spot, None)
        events.append(event)
        kin = [s for s in waiting if s.category is event.story.category]
        if kin and draw.random() < city.near_misses:
            waiting.remove(other := draw.choice(kin))
            away, angle = draw.uniform(*NEAR_MISS_M), draw.uniform(0.0, 2.0 * pi)
            by = event.spot.moved(away * cos(angle), away * sin(angle))
            later = minute + draw.uniform(0.0, NEAR_MISS_MIN)
            events.append(_event(city, draw, len(events), other, later, by, event.key))
    return sorted(events, key=lambda e: (e.at, e.key))


def _event(
    city: City,
    draw: Random,
    number: int,
    story: Story,
    minute: float,
    spot: Spot,
    near_miss_of: str | None,
) -> TrueEvent:
    heading = draw.uniform(0.0, 2.0 * pi)
    moves = draw.random() < city.moving or story.category is Category.DRUNK_DRIVING
    drift = (city.drift_m_min * cos(heading), city.drift_m_min * sin(heading))
    return TrueEvent(
        key=f"s{city.seed}-{number:04}",
        story=story,
        at=START + timedelta(minutes=minute),
        spot=spot,
        reported=draw.random() < city.reported,
        drift=drift if moves else None,
        near_miss_of=near_miss_of,
    )


def poisson(draw: Random, mean: float) -> int:
    """A Poisson number (Knuth's method; means below a few hundred)."""
    limit, product, count = exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


@lru_cache(maxsize=1)
def stories() -> Sequence[Story]:
    """The stories of the folder (see its README)."""
    found = []
    for line in (HERE / "stories.jsonl").read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        texts = {k: tuple(v) for k, v in value.items() if isinstance(v, list)}
        found.append(Story(key=value["key"], category=Category(value["category"]), **texts))
    return tuple(found)
