"""What the correlation table leaves out: blocking's recall, calibration, languages, costs.

All pure: assessed records with labels in, figures out; ``benchmarks.correlation`` prints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.records import Event, Language, ReportState
from core.settings import Settings
from correlator.blocking import speaks
from correlator.evaluation import Share
from correlator.model import PairModel
from correlator.odds import logistic
from correlator.pairs import pair_log_odds
from correlator.train import LabelledPair, labelled_pairs, same_event_pairs
from learning.streams import Stream

BINS = 10
MISSED_MIN = 10.0
"""What a wrong "reported" costs, in specialist's minutes: an event that 102 does not know of stays
unseen. By hand: nobody has priced it; a patrol sent an hour late costs more, a scratched bumper
that its owner reports next morning less."""
FALSE_MIN = 1.0
"""What a wrong "unreported" costs: a specialist reads it, looks, and rejects it."""


@dataclass(frozen=True)
class BlockingRecall:
    """Shares of same-event pairs. ``proposed``: by a key of their own; ``met``: in one component
    of proposed pairs, so that clustering compares them; ``telling``: met, of those pairs of which
    both say enough by themselves to be compared.
    """

    proposed: float
    met: float
    telling: float
    pairs: int


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error over ``count`` pairs; (mean said, share true, count) a bin."""

    error: float
    bins: tuple[tuple[float, float, int], ...]
    count: int


@dataclass(frozen=True)
class Costs:
    """What a pair of thresholds costs a hundred labelled incidents, in specialist's minutes."""

    link_at: float
    incident_at: float
    missed: int
    false: int
    incidents: int

    def minutes(self, missed_min: float = MISSED_MIN, false_min: float = FALSE_MIN) -> float:
        """Minutes a hundred incidents."""
        return 100.0 * (self.missed * missed_min + self.false * false_min) / self.incidents


def threshold_of(missed_min: float, false_min: float) -> float:
    """Probability from which showing an event costs less than hiding it.

    Showing costs ``false_min`` × (1 - p), hiding ``missed_min`` × p: equal at this p.
    """
    return false_min / (false_min + missed_min)


def proposed_pairs(stream: Stream, model: PairModel, settings: Settings) -> list[LabelledPair]:
    """The pairs that blocking proposes."""
    return labelled_pairs(stream.records, stream.truth, idf=model.idf, settings=settings.correlator)


def blocking_recall(
    stream: Stream, pairs: Sequence[LabelledPair], model: PairModel
) -> BlockingRecall:
    """How many of the same-event pairs are looked at."""
    found = {frozenset((pair.left.id, pair.right.id)) for pair in pairs}
    home: dict[str, str] = {}

    def root(name: str) -> str:
        while home.setdefault(name, name) != name:
            name = home[name]
        return name

    for left, right in map(sorted, found):
        home[root(left)] = root(right)
    wanted = same_event_pairs(stream.records, stream.truth, idf=model.idf)
    met = [root(pair.left.id) == root(pair.right.id) for pair in wanted]
    telling = [
        is_met
        for pair, is_met in zip(wanted, met, strict=True)
        if speaks(pair.left) and speaks(pair.right)
    ]
    direct = [frozenset((pair.left.id, pair.right.id)) in found for pair in wanted]
    return BlockingRecall(_mean(direct), _mean(met), _mean(telling), len(wanted))


def calibration(pairs: Sequence[LabelledPair], model: PairModel) -> Calibration:
    """Expected calibration error of the pair probability, ten bins of equal width."""
    said = np.array([logistic(pair_log_odds(p.left, p.right, model)) for p in pairs])
    same = np.array([pair.same for pair in pairs], dtype=bool)
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = []
    error = 0.0
    for number in range(BINS):
        inside = place == number
        if inside.any():
            mean, share = float(said[inside].mean()), float(same[inside].mean())
            bins.append((mean, share, int(inside.sum())))
            error += abs(mean - share) * float(inside.mean())
    return Calibration(error, tuple(bins), len(pairs))


def by_language(stream: Stream, found: Mapping[str, str]) -> dict[str, Share]:
    """Pair figures of the events, for pairs within a language and for pairs across languages."""
    language = {r.subject.id: r.assessment.language for r in stream.records}
    groups: dict[str, Callable[[Language, Language], bool]] = {
        "within Russian": lambda a, b: a is b is Language.RU,
        "within Kazakh": lambda a, b: a is b is Language.KK,
        "within any one": lambda a, b: a is b,
        "across languages": lambda a, b: a is not b,
    }
    counts: dict[str, Counter[str]] = {name: Counter() for name in groups}
    for left, right in combinations(sorted(stream.truth), 2):
        said, real = found[left] == found[right], stream.truth[left] == stream.truth[right]
        if not said and not real:
            continue
        for name, holds in groups.items():
            if holds(language[left], language[right]):
                counts[name].update(said=said, real=real, both=said and real)
    return {
        name: Share(
            count["both"] / count["said"] if count["said"] else 1.0,
            count["both"] / count["real"] if count["real"] else 1.0,
        )
        for name, count in counts.items()
    }


def costs(
    stream: Stream,
    events_at: Callable[[float], Sequence[Event]],
    wanted: set[str],
    *,
    link_ats: Sequence[float],
    incident_ats: Sequence[float],
) -> list[Costs]:
    """What each pair of thresholds misses and shows wrongly.

    ``wanted``: labelled incidents that 102 does not know of. An event shows the one that most of
    its posts are about; a second one that shows the same counts as wrong too: it has to be read.
    """
    rows = []
    for link_at in link_ats:
        events = events_at(link_at)
        for incident_at in incident_ats:
            shown = [_spoken(event, stream) for event in events if _would_flag(event, incident_at)]
            right = set(shown) & wanted
            rows.append(
                Costs(
                    link_at=link_at,
                    incident_at=incident_at,
                    missed=len(wanted - right),
                    false=len(shown) - len(right),
                    incidents=len(wanted),
                )
            )
    return rows


def cost_table(rows: Sequence[Costs]) -> str:
    """Minutes a hundred incidents, link thresholds down, incident thresholds across."""
    across = sorted({row.incident_at for row in rows})
    text = [
        "| link from | " + " | ".join(f"incident from {value:g}" for value in across) + " |",
        "|---|" + "---|" * len(across),
    ]
    for link_at in sorted({row.link_at for row in rows}):
        cells = [
            f"{row.minutes():.0f} ({row.missed} missed, {row.false} false)"
            for row in sorted(rows, key=lambda r: r.incident_at)
            if row.link_at == link_at
        ]
        text.append(f"| {link_at:g} | " + " | ".join(cells) + " |")
    return "\n".join(text)


def _would_flag(event: Event, incident_at: float) -> bool:
    return (
        bool(event.posts)
        and event.incident >= incident_at
        and event.report_state is ReportState.UNREPORTED
    )


def _spoken(event: Event, stream: Stream) -> str:
    votes = Counter(stream.truth[link.id] for link in event.posts)
    return min(votes, key=lambda key: (-votes[key], key))


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 1.0
