"""Whether a candidate may take the running model's place. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.records import INCIDENT_CATEGORIES, Language
from learning.labels import Label
from nlp.evaluate import Judged, incident_f1

FALL = 0.03
"""No language or category may fall by more than this."""
GATE_FALL = 0.005
"""Nor the whole gate by more than this: decisions are noisy, the gate is not."""
FEWEST = 20
"""Groups smaller than this say nothing."""


@dataclass(frozen=True)
class Trial:
    """One model's answers: to the fixed gate, and to fresh decisions that it has not learned."""

    gate: Sequence[Judged]
    fresh: Sequence[tuple[Label, float]]
    """Fresh labels with the probability of an incident that the model gives."""


@dataclass
class Verdict:
    """Whether to promote, each reason against it, and the figures (running, candidate)."""

    promote: bool = True
    against: list[str] = field(default_factory=list)
    figures: dict[str, tuple[float, float]] = field(default_factory=dict)

    def refuse(self, why: str) -> None:
        """There is a reason against it."""
        self.promote = False
        self.against.append(why)


def judge(running: Trial, candidate: Trial) -> Verdict:
    """Compare. Better on fresh decisions, whoever's are left out, and not worse anywhere else."""
    verdict = Verdict()
    gate = _compare(verdict, "gate incident F1", running, candidate, _gate_f1)
    if gate < -GATE_FALL:
        verdict.refuse(f"the gate falls by {-gate:.3f}; at most {GATE_FALL} is allowed")
    fresh = _compare(verdict, "fresh incident F1", running, candidate, lambda t: fresh_f1(t.fresh))
    if fresh <= 0:
        verdict.refuse("it is not better on fresh decisions")
    for language in Language:
        _group(verdict, running, candidate, f"language {language.value}", _of_language(language))
    for category in INCIDENT_CATEGORIES:
        _group(verdict, running, candidate, f"category {category.value}", _of_category(category))
    for person in sorted({label.by for label, _ in candidate.fresh}):
        without = fresh_f1(_except(candidate.fresh, person)) - fresh_f1(
            _except(running.fresh, person)
        )
        if without < 0:
            verdict.refuse(f"without the decisions of {person} it is worse on fresh ones")
    return verdict


def fresh_f1(fresh: Sequence[tuple[Label, float]]) -> float:
    """F1 of the incident decision, each label with the weight of what it stands for."""
    hit = sum(x.drawn for x, p in fresh if x.incident and p >= 0.5)
    false = sum(x.drawn for x, p in fresh if not x.incident and p >= 0.5)
    missed = sum(x.drawn for x, p in fresh if x.incident and p < 0.5)
    return 2 * hit / (2 * hit + false + missed) if hit else 0.0


def _gate_f1(trial: Trial) -> float:
    return incident_f1(trial.gate)


def _compare(
    verdict: Verdict,
    name: str,
    running: Trial,
    candidate: Trial,
    measure: Callable[[Trial], float],
) -> float:
    before, after = measure(running), measure(candidate)
    verdict.figures[name] = (before, after)
    return after - before


def _group(
    verdict: Verdict,
    running: Trial,
    candidate: Trial,
    name: str,
    inside: Callable[[Judged], bool],
) -> None:
    parts = [[j for j in trial.gate if inside(j)] for trial in (running, candidate)]
    if len(parts[0]) < FEWEST:
        return
    before, after = (incident_f1(part) for part in parts)
    verdict.figures[name] = (before, after)
    if after < before - FALL:
        verdict.refuse(f"{name} falls from {before:.3f} to {after:.3f}")


def _of_language(language: Language) -> Callable[[Judged], bool]:
    return lambda judged: judged.post.language is language


def _of_category(category: object) -> Callable[[Judged], bool]:
    return lambda judged: judged.post.category is category


def _except(fresh: Sequence[tuple[Label, float]], person: str) -> list[tuple[Label, float]]:
    return [item for item in fresh if item[0].by != person]
