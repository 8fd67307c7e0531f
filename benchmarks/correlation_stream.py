"""A country's posts without end, assessed, for measuring the correlator's speed.

Made of the project's own corpus so that it is like life where speed depends on it: most texts
differ, words are as frequent and as rare as in real posts, and few posts are incidents. Each share
below is assumed where nothing else is said.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.corpus import assessed_corpus
from core.ids import digest
from core.records import Assessed, Assessment, Audience, Point, Post
from correlator.blocking import CHANCE_FLOOR, INCIDENT_FLOOR
from oqiga.context import PROJECT_MODELS

START = datetime(2026, 3, 20, tzinfo=UTC)
POSTS_A_DAY = 1_000_000
INCIDENTS = 0.03
TOPICAL = 0.24
"""Of the other posts those that speak of what 102 deals with (verdicts, statistics, films); the
share that the shipped models find in 4,196 real posts, nearly none of them a local incident."""
TOLD_AGAIN = 0.4
"""Of the incidents' posts those about an incident that was told already."""
COPIES = 0.05
"""Posts with the very text of one of the last."""
ANSWERS = 0.2
"""Posts that answer one of the last."""
LAST = 2_000
STORIES = 200
NEW_WORDS = 0.6
"""Share of a text's words that are others' words, drawn as often as all posts use them."""
NAMES = 200_000
"""Names and misspellings that the corpus does not have, one in each second post."""
SOURCES = 3_000
AUTHORS = 300_000
STORY_SPREAD_DEG = 0.003
"""How far apart the places lie that witnesses give of one incident: about 300 m."""
PLACE_SPREAD_DEG = 0.02
BURST_TEXTS = 12

Known = tuple[Post, Assessment]


class Stream:
    """Posts in the order of their times, a million a day; all from the seed."""

    def __init__(self, seed: int = 102) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data
        known = assessed_corpus(PROJECT_MODELS)
        self._incidents = [k for k in known if k[1].incident > 0.5 and k[1].location]
        others = [k for k in known if not k[0].extra["incident"] and k[1].incident < 0.35]
        self._topical = [k for k in others if _topical(k[1])]
        self._chatter = [k for k in others if not _topical(k[1])]
        self._words = [word for post, _ in known for word in post.text.split()]
        self._last: deque[Assessed] = deque(maxlen=LAST)
        self._stories: deque[Known] = deque(maxlen=STORIES)
        self._number = 0

    def ordinary(self, count: int) -> list[Assessed]:
        """The next posts of an ordinary hour."""
        return [self._next() for _ in range(count)]

    def incidents(self, count: int) -> list[Assessed]:
        """The next posts, all about incidents."""
        return [self._post(*self._incident()) for _ in range(count)]

    def burst(self, count: int) -> list[Assessed]:
        """The next posts of one big event, in the words of several of its kind."""
        rnd = self._random
        first = rnd.choice(self._incidents)
        alike = [k for k in self._incidents if k[1].category is first[1].category]
        told = [_at_place(other, first[1]) for other in rnd.sample(alike, BURST_TEXTS)]
        return [
            self._post(*self._moved(self._retold(rnd.choice(told)), STORY_SPREAD_DEG))
            for _ in range(count)
        ]

    # -- inside -----------------------------------------------------------------------------

    def _next(self) -> Assessed:
        rnd = self._random
        if self._last and rnd.random() < COPIES:
            return self._copy(rnd.choice(self._last))
        if rnd.random() < INCIDENTS:
            return self._post(*self._incident())
        kind = self._topical if rnd.random() < TOPICAL else self._chatter
        made = self._moved(self._retold(rnd.choice(kind)), PLACE_SPREAD_DEG)
        answered = rnd.choice(self._last) if self._last and rnd.random() < ANSWERS else None
        return self._post(*made, answered=answered)

    def _incident(self) -> Known:
        """A new story at a place of another, or one of the last stories in other words."""
        rnd = self._random
        if self._stories and rnd.random() < TOLD_AGAIN:
            return self._moved(self._retold(rnd.choice(self._stories)), STORY_SPREAD_DEG)
        place = rnd.choice(self._incidents)[1]
        made = self._moved(self._retold(_at_place(rnd.choice(self._incidents), place)), 0.02)
        self._stories.append(made)
        return made

    def _retold(self, known: Known) -> Known:
        """The same in other words."""
        rnd, (post, judged) = self._random, known
        words = [
            rnd.choice(self._words) if rnd.random() < NEW_WORDS else word
            for word in post.text.split()
        ]
        if rnd.random() < 0.5:
            words.insert(rnd.randrange(len(words) + 1), f"имя{_letters(rnd.randrange(NAMES))}")
        vector = tuple(round(v + rnd.gauss(0, 0.03), 5) for v in judged.vector)
        return (
            post.model_copy(update={"text": " ".join(words)}),
            judged.model_copy(update={"vector": vector}),
        )

    def _moved(self, known: Known, spread_deg: float) -> Known:
        post, judged = known
        place = judged.location
        if place is None:
            return known
        moved = Point(
            lat=place.lat + self._random.gauss(0, spread_deg),
            lon=place.lon + self._random.gauss(0, spread_deg),
            radius_m=place.radius_m,
        )
        return post, judged.model_copy(update={"location": moved})

    def _copy(self, original: Assessed) -> Assessed:
        subject = original.subject
        if not isinstance(subject, Post):
            raise TypeError("posts alone are made")
        return self._post(subject, original.assessment, forwarded_from=subject.url)

    def _post(
        self,
        post: Post,
        judged: Assessment,
        *,
        answered: Assessed | None = None,
        forwarded_from: str | None = None,
    ) -> Assessed:
        """A new post of that text by somebody, at the time of its number."""
        rnd, number = self._random, self._number
        self._number += 1
        at = START + timedelta(seconds=number * 86_400 / POSTS_A_DAY)
        source, reply_to = f"channel-{int(SOURCES * rnd.random() ** 2)}", None
        if answered is not None and isinstance(answered.subject, Post):
            source, reply_to = answered.subject.source, answered.subject.native_id
        name = str(1_000 + number // 7)
        post_id = digest("bench", str(number))
        made = post.model_copy(
            update={
                "id": post_id, "native_id": name, "source": source, "posted_at": at,
                "accepted_at": at, "content": post_id, "version": 1, "reply_to": reply_to,
                "author": f"author-{rnd.randrange(AUTHORS)}", "forwarded_from": forwarded_from,
                "url": f"https://example.org/{source}/{name}",
            }
        )  # fmt: skip
        told = judged.model_copy(update={"subject": post_id, "version": 1})
        record = Assessed(subject=made, assessment=told, audience=Audience.OPEN)
        self._last.append(record)
        return record


def ids(records: Sequence[Assessed]) -> set[str]:
    """Ids of the posts."""
    return {record.subject.id for record in records}


def _topical(judged: Assessment) -> bool:
    chances = [p for category, p in judged.categories.items() if category.value != "none"]
    return judged.incident >= INCIDENT_FLOOR or max(chances) >= CHANCE_FLOOR


def _at_place(known: Known, place: Assessment) -> Known:
    post, judged = known
    where = {name: getattr(place, name) for name in ("location", "location_path", "places")}
    return post, judged.model_copy(update=where)


def _letters(number: int) -> str:
    """A number in letters, so that it reads as a name."""
    letters = ""
    while number:
        number, digit = divmod(number, 20)
        letters += "бвгджзклмнпрстфхцчшщ"[digit] + "аоуи"[digit % 4]
    return letters
