"""A simulated month in which the language drifts: F1 with and without learning from decisions.

Posts of authors that the model never read come in four weeks. From the first week on people use
words for incidents that no corpus has, a new settlement is named, and a new fraud goes round.
Three persons decide about what the model of that week flags, wrong one time in twenty, and judge
the audit sample of each shift; after each week a candidate learns from all decisions so far. The
promotion gate is not part of it: what is shown is what learning itself brings.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from core.records import Category
from learning.audit import SIZE
from learning.bounds import Bound, bounded
from learning.labels import Label, as_posts
from nlp.assessor import DEFAULT_MODELS, Assessor
from nlp.figures import f1
from nlp.labelled import DEFAULT_CORPUS, LabelledPost, part_of, read_corpus
from nlp.reading import Subject
from nlp.train import Grounds, fit

WEEKS = 4
BASE_POSTS, WEEK_POSTS, FRAUDS = 900, 260, 24
SHIFTS = 14
PERSONS = ("a", "b", "c")
WRONG = 0.05
START = datetime(2026, 4, 6, tzinfo=UTC)
SEED = 102
SLANG = {
    "авари": "бумц",
    "дтп": "бумц",
    "столкн": "бумцнул",
    "пожар": "пыхач",
    "горит": "пыхает",
    "драк": "месилов",
    "дерут": "месят",
    "ограб": "обчист",
    "украл": "обчистил",
    "ножом": "шпыром",
    "пьян": "зюзев",
    "өрт": "лапыл",
    "жанып": "лапылдап",
    "апат": "гүрсіл",
    "төбелес": "тақтұқ",
    "ұрла": "қағып",
    "мас ": "зюз ",
}
SETTLEMENT = "Жаңа Аспан"
SCHEME = (
    "звонят от «цифрового полиса», просят код из приложения, у соседки только что списали всё",
    "«цифрлық полис» деп қоңырау шалды, кодты айтқан апамның ақшасын қазір шешіп алды",
    "осторожно, прямо сейчас ходят с «цифровым полисом», у мамы увели депозит, что делать",
    "осы минутта цифрлық полис дегендер кодын алып, картасын тазалап кетті, көмектесіңіздер",
)
HARMLESS = (
    "банк напоминает: «цифровой полис» не просит коды, берегите себя и близких",
    "цифрлық полис туралы ескерту: ешқашан кодты айтпаңыз, банк қызметі",
    "вебинар «цифровой полис: мифы и правда», начало в семь, вход свободный",
    "цифрлық полис деген не, түсіндіріп беріңізші, кім біледі",
)


@dataclass(frozen=True)
class Week:
    """F1 of the incident decision in one week, (value, low, high), without and with learning."""

    posts: int
    labels: int
    without: tuple[float, float, float]
    learning: tuple[float, float, float]


def measure() -> list[Week]:
    """Play the month."""
    rng = random.Random(SEED)  # noqa: S311 - choice of texts, no secret
    corpus = read_corpus(DEFAULT_CORPUS)
    base = rng.sample([p for p in corpus if part_of(p) == "train"], BASE_POSTS)
    strangers = [p for p in corpus if part_of(p) != "train"]
    rng.shuffle(strangers)
    running = Assessor.load(DEFAULT_MODELS)
    grounds = Grounds(running.gazetteer, running.vectors)
    still = learner = Assessor(fit(base, grounds), running.gazetteer)
    labels: list[Label] = []
    weeks = []
    for number in range(WEEKS):
        posts = _week(strangers[number * WEEK_POSTS : (number + 1) * WEEK_POSTS], number, rng)
        truth = [p.incident for p in posts]
        plain, learned = (_ask(model, posts) for model in (still, learner))
        weeks.append(Week(len(posts), len(labels), _f1(truth, plain), _f1(truth, learned)))
        labels += _decide(posts, learned, number, rng)
        if number + 1 < WEEKS:
            more = as_posts(bounded(labels, Bound()), most_repeats=3)
            model = fit(base, Grounds(running.gazetteer, running.vectors, more))
            learner = Assessor(model, running.gazetteer)
    return weeks


def describe(weeks: Sequence[Week]) -> list[tuple[str, str]]:
    """Rows for the document."""
    return [
        (
            f"week {number}, {week.posts} posts, {week.labels} labels before it",
            f"F1 {_told(week.without)} without, {_told(week.learning)} with learning",
        )
        for number, week in enumerate(weeks, 1)
    ]


def _week(posts: Sequence[LabelledPost], number: int, rng: random.Random) -> list[LabelledPost]:
    """A week's posts: drifted texts, and the new fraud with its harmless echo."""
    found = [p.model_copy(update={"text": _drift(p.text, rng)}) for p in posts]
    for count in range(FRAUDS * 2):
        real = count % 2 == 0
        text = rng.choice(SCHEME if real else HARMLESS)
        ending = rng.choice(("", "!!", " 😡", " репост", f" {SETTLEMENT}", " бөлісіңіздер"))
        found.append(
            posts[0].model_copy(
                update={
                    "id": f"fraud-{number}-{count}",
                    "text": f"{text}{ending}",
                    "incident": real,
                    "category": Category.THEFT_ROBBERY,
                }
            )
        )
    return found


def _drift(text: str, rng: random.Random) -> str:
    for old, new in SLANG.items():
        if rng.random() < 0.8:
            text = re.sub(re.escape(old), new, text, flags=re.IGNORECASE)
    if rng.random() < 0.1:
        text = f"{SETTLEMENT}: {text}"
    return text


def _ask(model: Assessor, posts: Sequence[LabelledPost]) -> list[float]:
    subjects = [Subject(p.id, 1, p.text, p.posted_at, p.home) for p in posts]
    return [a.incident for a in model.assess(subjects)]


def _decide(
    posts: Sequence[LabelledPost], said: Sequence[float], week: int, rng: random.Random
) -> list[Label]:
    """Labels of what was flagged, and of the audit sample of each shift."""
    flagged = [p for p, x in zip(posts, said, strict=True) if x >= 0.5]
    quiet = [p for p, x in zip(posts, said, strict=True) if x < 0.5]
    audited = rng.sample(quiet, min(len(quiet), SIZE * SHIFTS))
    stands_for = len(quiet) / max(1, len(audited))
    labels = []
    for number, (post, drawn) in enumerate(
        [*((p, 1.0) for p in flagged), *((p, stands_for) for p in audited)]
    ):
        labels.append(
            Label(
                post=post.id,
                text=post.text,
                posted_at=post.posted_at,
                home=post.home,
                incident=post.incident != (rng.random() < WRONG),
                category=post.category,
                by=rng.choice(PERSONS),
                at=START + timedelta(weeks=week, minutes=number),
                decision=f"d-{post.id}",
                event=f"e-{post.id}",
                shown=1,
                incident_shown=0.5,
                assessor="simulated",
                audit=drawn > 1.0,
                drawn=drawn,
            )
        )
    return labels


def _f1(truth: Sequence[bool], said: Sequence[float]) -> tuple[float, float, float]:
    """F1 with its 95 % bootstrap interval."""
    pairs = np.array([(t, x >= 0.5) for t, x in zip(truth, said, strict=True)])
    rng = np.random.default_rng(SEED)
    draws = [_of(pairs[rng.integers(0, len(pairs), len(pairs))]) for _ in range(1_000)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return (_of(pairs), float(low), float(high))


def _of(pairs: np.ndarray) -> float:
    true, said = pairs[:, 0], pairs[:, 1]
    return f1(int((true & said).sum()), int((~true & said).sum()), int((true & ~said).sum()))


def _told(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"
