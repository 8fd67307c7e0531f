"""The chance that 102 knows of an event that no report is in.

Most posts that name neither place nor deed speak of something that somebody has called in long
ago; which of the calls it was cannot be told. So the chance grows with the best pair of the event
and any report, and is the less the more the event says by itself: posts, words, a named place.
A few weights, learned from labelled streams (``train_known``); the evidence of reports never speaks
for less, so that a further report never makes an event less known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, log1p

from correlator.items import Item
from correlator.odds import log_odds, logistic

NAMES = ("bias", "report", "posts", "words", "named", "incident")
SIGNS = {"report": 1, "posts": -1, "words": -1, "named": -1, "incident": -1}
LEAST, MOST = 0.02, 0.98
"""A report less likely the same counts as this likely; so does none at all."""


def evidence(posts: Sequence[Item], incident: float, report: float) -> tuple[float, ...]:
    """The values of ``NAMES`` for an event.

    ``posts``: first copies of its posts, at least one; ``incident``: its probability of being one;
    ``report``: probability of the best pair of it and a report, 0 when there is none.
    """
    return (
        1.0,
        log_odds(min(MOST, max(LEAST, report))),
        log(len(posts)),
        log1p(max(post.n_words for post in posts)),
        1.0 if any(post.named for post in posts) else 0.0,
        log_odds(min(MOST, max(LEAST, incident))),
    )


def chance_known(
    weights: Mapping[str, float], posts: Sequence[Item], incident: float, report: float
) -> float:
    """Probability that 102 knows, never below ``report``; without weights or posts that itself."""
    if not weights or not posts:
        return report
    values = evidence(posts, incident, report)
    said = sum(weights[name] * value for name, value in zip(NAMES, values, strict=True))
    return max(report, logistic(said))
