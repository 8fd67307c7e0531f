"""The labelled corpus: posts with what a person says about them (see ``nlp/corpus/README.md``)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from core.errors import ModelError
from core.records import Category, Language, Point

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
    """One line of the corpus."""

    model_config = ConfigDict(frozen=True)

    id: str
    author: str
    group: str | None = None
    text: str
    posted_at: AwareDatetime
    home: str | None = None
    style: str
    language: Language
    incident: bool
    category: Category
    urgency: float
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


def fold_of(post: LabelledPost, folds: int) -> int:
    """The fold of a post, from 0: stable, and the same for all posts about one event.

    Ten neighbouring numbers of an author share a fold: an author's drafts resemble each other.
    """
    number = post.id.rpartition("-")[2]
    block = f"{post.author}-{int(number) // 10}" if number.isdigit() else post.id
    key = post.group or block
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") % folds


def part_of(post: LabelledPost) -> str:
    """``train``, ``dev`` or ``test``: about 70, 10 and 20 in a hundred, stable."""
    share = fold_of(post, 10)
    return "test" if share < 2 else "dev" if share == 2 else "train"


def texts_digest(posts: Iterable[LabelledPost]) -> str:
    """Digest (12 hex characters) of the corpus, labels and all."""
    hasher = hashlib.sha256()
    for post in posts:
        hasher.update(post.model_dump_json().encode("utf-8"))
    return hasher.hexdigest()[:12]
