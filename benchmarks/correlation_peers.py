"""The correlator beside its peers, same records, same run: quality, speed, one chart.

``python -m benchmarks.correlation_peers MODELS`` learns the peers on the train part of
``correlator/corpus``, measures all on the test part, assessed by the models in the folder MODELS,
and writes ``docs/correlation_peers.svg``. Speed: median of three runs in turn over the test part
five times over, each copy a month later, from assessed records to events, a second of processor
time (so that what else the machine does matters little).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.charts import Axis, points
from benchmarks.corpus import ROOT
from benchmarks.correlation import CORPUS
from benchmarks.correlation_scores import END
from benchmarks.event_peers import DbscanPeer, DedupePeer, MinHashPeer, Partition, Peer, SplinkPeer
from core.records import Assessed
from core.settings import Settings
from correlator.correlate import correlate
from correlator.evaluation import Share, b_cubed, pairwise, partition_of, post_report
from correlator.freshness import Freshness
from correlator.items import Item, make_item
from correlator.model import PairModel
from learning.streams import Stream, read_labelled
from nlp.assessor import Assessor
from oqiga.context import PROJECT_MODELS

CHART = ROOT / "docs" / "correlation_peers.svg"
COPIES = 5
RUNS = 3
MONTH_S = 30 * 86_400.0
OURS = "Oqiga"


@dataclass(frozen=True)
class Standing:
    """One method's figures; ``per_second``: records of the larger input a processor second."""

    b_cubed: Share
    pairs: Share
    post_report: Share
    per_second: float


def measure(
    train: Stream, test: Stream, peers: Sequence[Peer], *, copies: int = COPIES, runs: int = RUNS
) -> dict[str, Standing]:
    """All methods on the test stream."""
    model, settings = PairModel.load(), Settings()

    def ours(records: Sequence[Assessed]) -> Partition:
        events = correlate(
            records,
            settings=settings.correlator,
            model=model,
            as_of=END,
            freshness=Freshness.always(),
            incident_at=settings.nlp.incident_at,
        )
        return partition_of(events)

    texts = {r.subject.id: r.subject.text for r in [*train.records, *test.records]}
    learned, measured = _items(train, model), _items(test, model)
    for peer in peers:
        peer.learn(learned, texts, train.truth)
    found = {OURS: ours(test.records)}
    found |= {peer.name: peer.cluster(measured, texts) for peer in peers}
    many = [_later(record, n) for n in range(copies) for record in test.records]
    texts |= {record.subject.id: record.subject.text for record in many}
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(runs):
        start = time.process_time()
        ours(many)
        times[OURS].append(time.process_time() - start)
        for peer in peers:
            start = time.process_time()
            peer.cluster([make_item(record, model.idf) for record in many], texts)
            times[peer.name].append(time.process_time() - start)
    return {
        name: Standing(
            b_cubed=b_cubed(partition, test.truth),
            pairs=pairwise(partition, test.truth),
            post_report=post_report(partition, test.truth, test.reports()),
            per_second=len(many) / median(times[name]),
        )
        for name, partition in found.items()
    }


def table(found: dict[str, Standing]) -> str:
    """The figures as a table in Markdown."""
    rows = [
        "| method | B-cubed P / R / F1 | pair F1 | post-report F1 | records a processor second |",
        "|---|---|---|---|---|",
    ]
    rows += [
        f"| {name} | {s.b_cubed.precision:.3f} / {s.b_cubed.recall:.3f} / {s.b_cubed.f1:.3f} | "
        f"{s.pairs.f1:.3f} | {s.post_report.f1:.3f} | {s.per_second:,.0f} |"
        for name, s in found.items()
    ]
    return "\n".join(rows)


def chart(found: dict[str, Standing]) -> str:
    """Quality over speed."""
    speeds = [s.per_second for s in found.values()]
    return points(
        "Events from posts and reports: quality and speed",
        Axis("records a processor second", min(speeds) / 3, max(speeds) * 3, logarithmic=True),
        Axis("B-cubed F1 on the test streams", 0.5, 0.9),
        {name: (s.per_second, s.b_cubed.f1) for name, s in found.items()},
    )


def _items(stream: Stream, model: PairModel) -> list[Item]:
    return [make_item(record, model.idf) for record in stream.records]


def _later(record: Assessed, copies: int) -> Assessed:
    """A record as another one, so many months later."""
    subject, by = record.subject, timedelta(seconds=copies * MONTH_S)
    when = "posted_at" if hasattr(subject, "posted_at") else "received_at"
    moved = subject.model_copy(
        update={"id": f"{subject.id}-{copies}", when: getattr(subject, when) + by}
    )
    return record.model_copy(update={"subject": moved})


def section(models: Path = PROJECT_MODELS) -> list[str]:
    """Lines of the document: the table; the chart goes to ``docs/``."""
    assessor = Assessor.load(models)
    train = read_labelled(assessor, CORPUS / "train_posts.jsonl", CORPUS / "train_reports.jsonl")
    test = read_labelled(assessor, CORPUS / "test_posts.jsonl", CORPUS / "test_reports.jsonl")
    found = measure(train, test, [SplinkPeer(), DedupePeer(), MinHashPeer(), DbscanPeer()])
    CHART.write_text(chart(found), encoding="utf-8")
    heading = ["", "## Correlation beside its peers", "", f"![quality over speed]({CHART.name})"]
    return [*heading, "", table(found)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(section(Path(sys.argv[1]))) + "\n")
