"""Labelled pairs "same event or not", drawn from the event streams of ``correlator/corpus``.

``python -m benchmarks.event_pairs make MODELS`` writes ``correlator/corpus/pairs_*.jsonl`` anew,
``measure MODELS`` measures the shipped pair model on them, ``show PART`` prints a part's pairs as
``oqiga pairs`` reads them. Languages, towns and kinds of reports come from the models in the folder
MODELS, so another model may draw a few other pairs; whether a pair is the same event is its
author's label.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from benchmarks.corpus import ROOT
from core.ids import digest
from core.lines import read_lines
from core.records import Assessed, Category, Language, Post, Report
from correlator.correlate import at
from correlator.model import PairModel
from correlator.pairs import score
from learning.streams import Stream, read_labelled
from nlp.assessor import Assessor
from nlp.figures import Figure, f1_of, measured, table
from nlp.gazetteer.index import Gazetteer
from nlp.language import LanguageModel
from nlp.model import Model
from nlp.words import words_of

CORPUS = ROOT / "correlator" / "corpus"
PARTS = {"train": ("train", "anrcpsexv"), "dev": ("train", "g"), "test": ("test", "ko")}
"""The stream a part is drawn from, and the first letters of its authors' keys: authors 1 to 3,
author 4, authors 5 and 6. No author, event or text is in two parts."""
WANTED = {"train": 900, "dev": 300, "test": 600}
SHARES = {"same": 0.4, "near_miss": 0.4, "other": 0.2}
"""Same event; another event of one kind in one town; another event that differs in one of them."""
ACROSS = 0.4
"""Share of the pairs that is drawn from Kazakh with Russian, where there are so many."""
FROM_ONE_EVENT = 8
APART = timedelta(hours=48)
"""Different events farther apart in time are told apart by the clock alone."""

V = TypeVar("V", bound=Hashable)


@dataclass(frozen=True)
class Told:
    """A post or report with what a pair is drawn by. ``language``: ru, kk, mixed or other.

    ``town``: id of the settlement of its event, ``None`` when unknown. ``happened``: its event has
    a report, or a post that is labelled an incident.
    """

    id: str
    event: str
    report: bool
    at: datetime
    language: str
    category: Category
    town: str | None
    happened: bool


@dataclass(frozen=True)
class Pair:
    """One line of a file. ``kind``: post-post or post-report, the post first."""

    left: str
    right: str
    same: bool
    near_miss: bool
    kind: str
    languages: tuple[str, str]

    @property
    def across(self) -> bool:
        """Whether one is Kazakh and the other Russian."""
        return set(self.languages) == {"kk", "ru"}


def told(
    stream: Stream, gazetteer: Gazetteer, language: LanguageModel, weak: set[str]
) -> list[Told]:
    """The records that say by themselves what they are about."""
    towns = _of_event(stream, lambda r: town_of(r, gazetteer))
    kinds = _of_event(stream, _category_of)
    happened = {stream.truth[i] for i in stream.incidents | stream.reports()}
    return [
        Told(
            id=native_id(r),
            event=(event := stream.truth[r.subject.id]),
            report=isinstance(r.subject, Report),
            at=at(r),
            language=spoken(r, language),
            category=kinds.get(event, r.assessment.category),
            town=towns.get(event),
            happened=event in happened,
        )
        for r in stream.records
        if native_id(r) not in weak
    ]


def native_id(record: Assessed) -> str:
    """The id that the stream's file gives."""
    subject = record.subject
    return subject.id if isinstance(subject, Report) else subject.native_id


def spoken(record: Assessed, language: LanguageModel) -> str:
    """ru, kk, mixed or other; Latin script is read as the Cyrillic it stands for."""
    found = record.assessment.language
    if found is Language.TRANSLIT:
        words = " ".join(form.medium for form in words_of(record.subject.text).forms)
        found = language.texts([words_of(words)])[0][0]
    return found.value


def town_of(record: Assessed, gazetteer: Gazetteer) -> str | None:
    """The settlement that a record's location, else its source's home, lies in."""
    path = record.assessment.location_path
    town = gazetteer.settlement_of(path[0]) if path else None
    if town is None and isinstance(record.subject, Post):
        home = gazetteer.home(record.subject.home)
        town = home.id if home is not None else None
    return town


def _category_of(record: Assessed) -> Category | None:
    """Of a post its author's label, of a report the operator's."""
    subject = record.subject
    said = subject.category if isinstance(subject, Report) else subject.extra.get("category")
    return None if said in (None, Category.NONE) else Category(str(said))


def _of_event(stream: Stream, value: Callable[[Assessed], V | None]) -> dict[str, V]:
    """What most records of each event say, the first in the order of names among equals."""
    votes: dict[str, Counter[V]] = {}
    for record in stream.records:
        said = value(record)
        if said is not None:
            votes.setdefault(stream.truth[record.subject.id], Counter())[said] += 1
    return {e: min(found, key=lambda v: (-found[v], str(v))) for e, found in votes.items()}


def candidates(records: Sequence[Told]) -> Iterator[tuple[str, Pair]]:
    """Each pair of which one is a post, with its sort: a key of ``SHARES``."""
    for a, b in combinations(sorted(records, key=lambda r: (r.at, r.id)), 2):
        if a.report and b.report:
            continue
        left, right = (b, a) if a.report else (a, b)
        same = a.event == b.event
        if not same and abs(a.at - b.at) > APART:
            continue
        alike = a.category is b.category, a.town is not None and a.town == b.town
        if not same and not any(alike):
            continue
        pair = Pair(
            left=left.id,
            right=right.id,
            same=same,
            near_miss=not same and all(alike) and a.happened and b.happened,
            kind="post-report" if right.report else "post-post",
            languages=(left.language, right.language),
        )
        yield "same" if same else "near_miss" if pair.near_miss else "other", pair


def drawn(records: Sequence[Told], wanted: int) -> list[Pair]:
    """About ``wanted`` pairs in ``SHARES``, at most ``FROM_ONE_EVENT`` of a sort from an event."""
    event = {record.id: record.event for record in records}
    sorts: dict[str, list[Pair]] = {name: [] for name in SHARES}
    for name, pair in candidates(records):
        sorts[name].append(pair)
    chosen: list[Pair] = []
    for name, share in SHARES.items():
        rest = sorted(sorts[name], key=lambda p: digest(p.left, p.right))
        count, used = round(wanted * share), Counter[str]()
        across = _take([p for p in rest if p.across], round(count * ACROSS), used, event)
        plain = [p for p in rest if not p.across]
        chosen += across + _take(plain, count - len(across), used, event)
    return sorted(chosen, key=lambda p: (p.left, p.right))


def _take(
    pairs: Sequence[Pair], count: int, used: Counter[str], event: dict[str, str]
) -> list[Pair]:
    """The first pairs, no event too often; ``used`` counts on."""
    taken: list[Pair] = []
    for pair in pairs:
        events = {event[pair.left], event[pair.right]}
        if len(taken) == count:
            break
        if all(used[e] < FROM_ONE_EVENT for e in events):
            used.update(events)
            taken.append(pair)
    return taken


def read_pairs(part: str) -> list[Pair]:
    """The pairs of a part."""
    with (CORPUS / f"pairs_{part}.jsonl").open("rb") as file:
        rows = [json.loads(line.data) for line in read_lines(file)]
    return [Pair(**{**row, "languages": tuple(row["languages"])}) for row in rows]


def raw_records(name: str) -> dict[str, dict[str, object]]:
    """The lines of a stream, train or test, by id."""
    found: dict[str, dict[str, object]] = {}
    for path in (CORPUS / f"{name}_posts.jsonl", CORPUS / f"{name}_reports.jsonl"):
        with path.open("rb") as file:
            rows = [json.loads(line.data) for line in read_lines(file)]
        found.update({row["id"]: row for row in rows})
    return found


def _stream(assessor: Assessor, name: str) -> Stream:
    return read_labelled(assessor, CORPUS / f"{name}_posts.jsonl", CORPUS / f"{name}_reports.jsonl")


def make(model_dir: Path) -> None:
    """Write the three files."""
    assessor, language = Assessor.load(model_dir), Model.load(model_dir).language
    for part, (name, keys) in PARTS.items():
        weak = {i for i, row in raw_records(name).items() if row.get("weak")}
        records = told(_stream(assessor, name), assessor.gazetteer, language, weak)
        pairs = drawn([r for r in records if r.event[0] in keys], WANTED[part])
        lines = [json.dumps(asdict(pair)) + "\n" for pair in pairs]
        (CORPUS / f"pairs_{part}.jsonl").write_text("".join(lines), encoding="utf-8")
        sys.stdout.write(f"{part}: {len(pairs)}, {sum(p.across for p in pairs)} across languages, ")
        sys.stdout.write(f"{sum(p.near_miss for p in pairs)} near misses\n")


GROUPS: dict[str, Callable[[Pair], bool]] = {
    "all": lambda p: True,
    "post-post": lambda p: p.kind == "post-post",
    "post-report": lambda p: p.kind == "post-report",
    "Kazakh with Russian": lambda p: p.across,
    "one language": lambda p: p.languages[0] == p.languages[1],
    "same or near miss": lambda p: p.same or p.near_miss,
}


def measure(model_dir: Path) -> list[Figure]:
    """F1 of the shipped pair model at even odds on the test part, and average precision."""
    assessor, model = Assessor.load(model_dir), PairModel.load()
    records = {native_id(r): r for r in _stream(assessor, PARTS["test"][0]).records}
    judged = [
        (pair, score(records[pair.left], records[pair.right], model).same)
        for pair in read_pairs("test")
    ]
    figures: list[Figure] = []
    for group, belongs in GROUPS.items():
        part = [(p, pair.same) for pair, p in judged if belongs(pair)]
        figures += [
            measured("same event F1", group, _even_odds_f1, part),
            measured("average precision", group, _average_precision, part),
        ]
    return figures


def _even_odds_f1(items: Sequence[tuple[float, bool]]) -> float:
    return f1_of([(p >= 0.5, same) for p, same in items])


def _average_precision(items: Sequence[tuple[float, bool]]) -> float:
    """Mean precision at the rank of each same-event pair."""
    ranked = sorted(items, key=lambda item: -item[0])
    hits = [rank for rank, (_, same) in enumerate(ranked, 1) if same]
    return sum(n / rank for n, rank in enumerate(hits, 1)) / len(hits) if hits else 0.0


def show(part: str) -> None:
    """A part's pairs with their texts."""
    records = raw_records(PARTS[part][0])
    answers = ("event", "category", "incident", "weak")
    for pair in read_pairs(part):
        sides = [
            {k: v for k, v in records[i].items() if k not in answers or "received_at" in records[i]}
            for i in (pair.left, pair.right)
        ]
        row = {"left": sides[0], "right": sides[1], "label": pair.same}
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


def main(command: str, name: str) -> None:
    """Run one of the three commands."""
    if command == "make":
        make(Path(name))
    elif command == "measure":
        sys.stdout.write(table(measure(Path(name))) + "\n")
    else:
        show(name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
