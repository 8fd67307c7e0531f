"""Who tells what of the city's events: posts, reposts of reposts, calls and chatter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random

from benchmarks.simulator.city import HERE, START, City, Spot, TrueEvent, happenings, poisson

LANGUAGES = (("ru", 0.5), ("kk", 0.3), ("mixed", 0.12), ("translit", 0.08))
TAIL = 0.5
"""Share of tellings to which a sentence of the moment is added."""
UNFORWARDED = 0.3
"""Share of copies that do not say whose they are."""
CHATS = 12
FIRST_CALL_MIN = 6.0
MORE_CALLS = 0.7
"""Mean number of further calls about an event that 102 is told of."""
DEEPEST = 6
"""Copies of copies: no tree is deeper."""


@dataclass(frozen=True)
class Around:
    """``tails``: what is added to a telling, by language; ``chatter``: posts about nothing."""

    tails: dict[str, list[str]]
    chatter: list[str]


@dataclass(frozen=True)
class Telling:
    """One post or report. ``event`` is ``None`` for chatter; ``spot``: the place told, if any."""

    id: str
    text: str
    at: datetime
    event: str | None
    spot: Spot | None
    is_report: bool = False
    chat: str = ""
    copy_of: str | None = None
    forwarded: bool = False


@dataclass(frozen=True)
class Simulation:
    """The truth and all that is told."""

    city: City
    events: list[TrueEvent]
    tellings: list[Telling]


def simulate(city: City) -> Simulation:
    """The whole simulation; the same for the same settings."""
    events = happenings(city)
    draw = Random(f"{city.seed}/tellings")  # noqa: S311 - a simulation
    told: list[Telling] = []
    for event in events:
        for number in range(1 + poisson(draw, max(0.0, city.volume - 1.0))):
            post = _post(city, draw, event, number)
            told += [post, *_copies(city, draw, post, 1)]
        if event.reported:
            for number in range(1 + poisson(draw, MORE_CALLS)):
                told.append(_report(city, draw, event, number))
    told += _chatter(city, draw)
    return Simulation(city, events, sorted(told, key=lambda t: (t.at, t.id)))


def _post(city: City, draw: Random, event: TrueEvent, number: int) -> Telling:
    at = event.at + timedelta(minutes=0.5 + draw.expovariate(1.0 / city.delay_min))
    language = draw.choices([n for n, _ in LANGUAGES], [share for _, share in LANGUAGES])[0]
    text = str(draw.choice(getattr(event.story, language)))
    if draw.random() < TAIL:
        text = f"{text}. {draw.choice(around().tails[language])}"
    placed = draw.random() < city.placed
    return Telling(
        id=f"{event.key}-p{number}",
        text=text,
        at=at,
        event=event.key,
        spot=_off(draw, event.where(at), city.place_noise_m) if placed else None,
        chat=f"almaty_chat_{draw.randrange(CHATS)}",
    )


def _copies(city: City, draw: Random, post: Telling, depth: int) -> list[Telling]:
    """Reposts of a post, and theirs."""
    if depth > DEEPEST:
        return []
    found: list[Telling] = []
    for number in range(poisson(draw, city.reposts)):
        copy = Telling(
            id=f"{post.id}.{number}",
            text=post.text,
            at=post.at + timedelta(minutes=draw.expovariate(1.0 / 20.0)),
            event=post.event,
            spot=post.spot,
            chat=f"almaty_chat_{draw.randrange(CHATS)}",
            copy_of=post.id,
            forwarded=draw.random() >= UNFORWARDED,
        )
        found += [copy, *_copies(city, draw, copy, depth + 1)]
    return found


def _report(city: City, draw: Random, event: TrueEvent, number: int) -> Telling:
    at = event.at + timedelta(minutes=draw.expovariate(1.0 / FIRST_CALL_MIN))
    text = draw.choice(event.story.report)
    if draw.random() < TAIL:
        text = f"{text}. {draw.choice(around().tails['report'])}"
    return Telling(
        id=f"{event.key}-r{number}",
        text=text,
        at=at,
        event=event.key,
        spot=_off(draw, event.where(at), city.jitter_m),
        is_report=True,
    )


def _chatter(city: City, draw: Random) -> list[Telling]:
    lines = around().chatter
    return [
        Telling(
            id=f"s{city.seed}-c{number}",
            text=str(draw.choice(lines)),
            at=START + timedelta(minutes=draw.uniform(0.0, city.hours * 60.0)),
            event=None,
            spot=None,
            chat=f"almaty_chat_{draw.randrange(CHATS)}",
        )
        for number in range(poisson(draw, city.chatter * city.hours))
    ]


def _off(draw: Random, spot: Spot, noise_m: float) -> Spot:
    return spot.moved(draw.gauss(0.0, noise_m), draw.gauss(0.0, noise_m))


@lru_cache(maxsize=1)
def around() -> Around:
    """Sentences around the stories (see the folder's README)."""
    value = json.loads((HERE / "around.json").read_text(encoding="utf-8"))
    return Around(tails=value["tails"], chatter=value["chatter"])
