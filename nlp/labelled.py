"""The labelled corpus: posts with what a person says about them (see ``nlp/corpus/README.md``)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from core.errors import ModelError
from core.records import Category, Language, Point

STREAM, REPORT = "stream", "report"
"""Style of a stream's posts, and of its reports: whoever calls 102 means an incident, so call
cards teach categories only."""
DEFAULT_CORPUS = Path(__file__).parent / "corpus"


class LabelledPlace(BaseModel):
    """A place that the post names: the exact substring, and where it is when we can know."""

    model_config = ConfigDict(frozen=True)

    text: str
    kind: str
    name: str
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None


def _point_or_none(value: object) -> object:
    if isinstance(value, dict) and value.get("lat") is None:
        return None
    return value


class LabelledPost(BaseModel):
    """One line of the corpus.

    ``language`` and ``urgency`` are ``None`` in a post of an event stream, where nobody set them.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    author: str
    group: str | None = None
    text: str
    posted_at: AwareDatetime
    home: str | None = None
    style: str
    language: Language | None = None
    incident: bool
    category: Category
    urgency: float | None = None
    event_at: AwareDatetime | None = None
    places: tuple[LabelledPlace, ...] = ()
    location: Annotated[Point | None, BeforeValidator(_point_or_none)] = None
    negative: str | None = None

    @property
    def at(self) -> datetime:
        """When it was posted."""
        return self.posted_at


def read_corpus(folder: Path) -> list[LabelledPost]:
    """All posts of ``posts/*.jsonl`` in the order of their ids; raises ModelError."""
    posts: dict[str, LabelledPost] = {}
    files = sorted((folder / "posts").glob("*.jsonl"))
    if not files:
        raise ModelError(f"{folder}/posts: no *.jsonl there; name the folder of the corpus")
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                post = LabelledPost.model_validate(json.loads(line))
            except (ValueError, ValidationError) as error:
                raise ModelError(f"{path}, line {number}: {error}") from error
            if post.id in posts:
                raise ModelError(f"{path}, line {number}: the id {post.id} was used before")
            posts[post.id] = post
    return [posts[key] for key in sorted(posts)]


def read_stream(path: Path) -> list[LabelledPost]:
    """Texts of a labelled event stream that say by themselves what they are about.

    ``path``: its posts, ``…posts.jsonl``; the reports in ``…reports.jsonl`` beside it are read
    too, with their event's category (an operator's where no post speaks of it). Posts teach what an
    incident and its category are in replies and updates, reports what a category is in call
    cards; nothing else is labelled there. Raises ModelError.
    """
    posts: list[LabelledPost] = []
    kinds: dict[str, Counter[str]] = {}
    for where, row in _stream_rows(path):
        with _told(where):
            if row["incident"]:
                kinds.setdefault(row["event"], Counter())[row["category"]] += 1
            if not row.get("weak"):
                posts.append(_from_stream(path, row, STREAM, row["incident"], row["category"]))
    reports = path.with_name(path.name.replace("posts", "reports"))
    for where, row in _stream_rows(reports) if reports != path and reports.exists() else ():
        with _told(where):
            votes = kinds.get(row["event"])
            category = votes.most_common(1)[0][0] if votes else row.get("category")
            if category is not None:
                row["posted_at"] = row["received_at"]
                posts.append(_from_stream(path, row, REPORT, True, category))
    return posts


def _stream_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path}, line {number}"
        with _told(where):
            row = json.loads(line)
        yield where, row


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{where}: {error}") from error


def _from_stream(
    path: Path, row: Mapping[str, Any], style: str, incident: bool, category: str
) -> LabelledPost:
    kept = {k: row.get(k) for k in ("id", "text", "posted_at", "home")}
    labels = {"incident": incident, "category": category, "group": row["event"]}
    return LabelledPost.model_validate(
        {**kept, **labels, "author": path.parent.name, "style": style}
    )


def author_folds(posts: Iterable[LabelledPost], folds: int) -> dict[str, int]:
    """The fold of each author, from 0: folds of about equal size, the same on every run.

    Whoever measures by them measures how well a stranger's posts are read.
    """
    sizes = Counter(post.author for post in posts)
    filled = [0] * folds
    found: dict[str, int] = {}
    for author, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        fold = filled.index(min(filled))
        found[author] = fold
        filled[fold] += size
    return found


TEST_AUTHORS = frozenset({"ru3", "kk3", "mx3", "ev2"})
DEV_AUTHORS = frozenset({"ru7", "kk4"})
"""Split once, by author: no event, habit or turn of phrase is in two parts."""


def part_of(post: LabelledPost) -> str:
    """``train``, ``dev`` or ``test``, by author."""
    if post.author in TEST_AUTHORS:
        return "test"
    return "dev" if post.author in DEV_AUTHORS else "train"


def texts_digest(posts: Iterable[LabelledPost]) -> str:
    """Digest (12 hex characters) of the corpus, labels and all."""
    hasher = hashlib.sha256()
    for post in posts:
        hasher.update(post.model_dump_json().encode("utf-8"))
    return hasher.hexdigest()[:12]
