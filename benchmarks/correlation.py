"""Training the pair model and measuring correlation against labelled streams.

``python -m benchmarks.correlation train MODELS`` trains ``correlator/model.json`` on the train part
of ``correlator/corpus``, each half of its authors assessed by a model that has read the other half
only, as strangers' texts are in life; ``evaluate`` measures the shipped model on the test part,
whole and by author, and on the demonstration, assessed by the models in the folder MODELS; with
blocking's recall, calibration and the figures across languages. ``costs`` prints what thresholds
cost on the train part, assessed as for training.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.corpus import ROOT, corpus_posts
from benchmarks.correlation_figures import (
    FALSE_MIN,
    MISSED_MIN,
    blocking_recall,
    by_language,
    calibration,
    cost_table,
    costs,
    proposed_pairs,
    threshold_of,
)
from benchmarks.correlation_scores import events_of, measure, table, unreported
from core.records import Assessed, Event
from core.settings import Settings
from correlator.evaluation import partition_of
from correlator.model import PairModel
from correlator.train import (
    crowded_pairs,
    labelled_pairs,
    passed_over_pairs,
    rarities,
    same_event_pairs,
    train,
    train_context,
)
from correlator.train_known import train_known
from learning.streams import Stream, read_labelled
from nlp.assessor import Assessor, subject_of_post
from nlp.labelled import DEFAULT_CORPUS, read_corpus, read_stream
from nlp.language import LanguageModel
from nlp.model import Model
from nlp.run import audience_of
from nlp.train import Grounds, fit

CORPUS = ROOT / "correlator" / "corpus"
DEMO = ROOT / "oqiga" / "demo"
AUTHORS = ("anrbmu", "cpsdqt", "exvfyw", "gh", "jk", "lo", "i", "z", "A", "B", "C", "D")
"""First letters of the keys that each author gave, in both parts."""
HALVES = (("anrbmu", "exvfyw", "jk", "z", "B", "D"), ("cpsdqt", "gh", "lo", "i", "A", "C"))
LINK_ATS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
INCIDENT_ATS = (0.1, 0.2, 0.3, 0.5, 0.7)


def part(stream: Stream, keys: str) -> Stream:
    """The records whose event's key begins with one of these letters."""
    records = [r for r in stream.records if stream.truth[r.subject.id][0] in keys]
    ids = {r.subject.id for r in records}
    return Stream(records, {i: stream.truth[i] for i in ids}, stream.incidents & ids)


def distractors(assessor: Assessor) -> tuple[list[Assessed], dict[str, str]]:
    """The posts of the nlp corpus, each (or each group of them) an event of its own."""
    settings, subjects = Settings(), corpus_posts()
    found = assessor.assess([subject_of_post(post) for post in subjects])
    records = [
        Assessed(subject=post, assessment=a, audience=audience_of(post, a, settings))
        for post, a in zip(subjects, found, strict=True)
    ]
    return records, {post.id: str(post.extra.get("group") or post.id) for post in subjects}


def train_model(stream: Stream, assessor: Assessor, settings: Settings) -> tuple[PairModel, float]:
    """The pair model of a labelled stream, and the share of its same-event pairs compared.

    The nlp corpus stands for all else that is posted in the country on the same day.
    """
    others, labels = distractors(assessor)
    crowd = [*stream.records, *others]
    idf = rarities(record.subject.text for record in crowd)
    window = settings.correlator
    pairs = labelled_pairs(stream.records, stream.truth, idf=idf, settings=window)
    wanted = len(same_event_pairs(stream.records, stream.truth, idf=idf))
    apart = crowded_pairs(crowd, {**stream.truth, **labels}, idf=idf, settings=window)
    over = passed_over_pairs(stream.records, stream.truth, idf=idf, settings=window)
    model = train([*pairs, *apart, *over], idf=idf)
    model = train_context(stream.records, stream.truth, model=model, settings=window)
    model = train_known(
        stream.records,
        stream.truth,
        model=model,
        settings=window,
        incident_at=settings.nlp.incident_at,
    )
    return model, sum(pair.same for pair in pairs) / wanted


def read_as_strangers(assessor: Assessor, language: LanguageModel) -> tuple[Stream, Assessor]:
    """The train part, each half of its authors by a model of the other; and the last such model.

    ``assessor``: lends gazetteer and word vectors, ``language`` what they need not learn anew.
    """
    corpus = read_corpus(DEFAULT_CORPUS)
    learned = read_stream(CORPUS / "train_posts.jsonl")
    whole = Stream([], {}, set())
    for half, other in (HALVES, HALVES[::-1]):
        ours = [p for p in learned if str(p.group)[0] in "".join(other)]
        grounds = Grounds(assessor.gazetteer, assessor.vectors, ours, language)
        stranger = Assessor(fit(corpus, grounds), assessor.gazetteer)
        found = part(
            read_labelled(stranger, CORPUS / "train_posts.jsonl", CORPUS / "train_reports.jsonl"),
            "".join(half),
        )
        whole.records.extend(found.records)
        whole.truth.update(found.truth)
        whole.incidents.update(found.incidents)
    return whole, stranger


def details(stream: Stream, model: PairModel, settings: Settings) -> str:
    """Blocking's recall, calibration and languages of a stream, with their aims."""
    pairs = proposed_pairs(stream, model, settings)
    recall = blocking_recall(stream, pairs, model)
    fit = calibration(pairs, model)
    languages = by_language(stream, partition_of(events_of(stream, model, settings)))
    gap = abs(languages["within any one"].f1 - languages["across languages"].f1)
    rows = [
        f"blocking's recall, of {recall.pairs} same-event pairs: {recall.telling:.3f} of those that"
        f" say enough (aim .99), {recall.met:.3f} meet in a component, {recall.proposed:.3f} are"
        " proposed by themselves",
        f"expected calibration error of {fit.count} compared pairs: {fit.error:.4f} (aim .03)",
        *(f"  said {said:.2f}, true {true:.2f}, {count} pairs" for said, true, count in fit.bins),
        *(
            f"pairs {name}: {share.precision:.3f} / {share.recall:.3f} / {share.f1:.3f}"
            for name, share in languages.items()
        ),
        f"difference across languages: {gap:.3f} (aim within .04)",
    ]
    return "\n".join(rows)


def print_costs(stream: Stream, model: PairModel) -> None:
    """What thresholds cost on a stream, in specialist's minutes a hundred unreported incidents."""

    def events_at(link_at: float) -> list[Event]:
        settings = Settings()
        linked = settings.correlator.model_copy(update={"link_at": link_at})
        return events_of(stream, model, settings.model_copy(update={"correlator": linked}))

    rows = costs(
        stream, events_at, unreported(stream), link_ats=LINK_ATS, incident_ats=INCIDENT_ATS
    )
    sys.stdout.write(
        f"a missed event costs {MISSED_MIN:g} minutes, a false flag {FALSE_MIN:g}: shown from "
        f"p = {threshold_of(MISSED_MIN, FALSE_MIN):.2f}\n{cost_table(rows)}\n"
    )


def main(command: str, model_dir: Path) -> None:
    """Run one of the three commands."""
    settings, assessor = Settings(), Assessor.load(model_dir)
    if command in {"train", "costs"}:
        learned, stranger = read_as_strangers(assessor, Model.load(model_dir).language)
        if command == "costs":
            print_costs(learned, PairModel.load())
            return
        model, recall = train_model(learned, stranger, settings)
        model.save()
        sys.stdout.write(
            json.dumps({"digest": model.digest, "same_event_pairs_compared": round(recall, 4)})
            + "\n"
        )
    model = PairModel.load()
    test = read_labelled(assessor, CORPUS / "test_posts.jsonl", CORPUS / "test_reports.jsonl")
    streams = {
        "test": test,
        **{f"test, author {n}": part(test, keys) for n, keys in enumerate(AUTHORS, 1)},
        "demonstration": read_labelled(assessor, DEMO / "posts.jsonl", DEMO / "reports.jsonl"),
    }
    rows = {name: measure(stream, model, settings) for name, stream in streams.items()}
    sys.stdout.write(table(rows) + "\n")
    for name in ("test", "demonstration"):
        sys.stdout.write(f"\n{name}\n{details(streams[name], model, settings)}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
