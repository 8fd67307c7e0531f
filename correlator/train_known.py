"""Training the chance that 102 knows of an event that no report is in (``known``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.records import Assessed, Post
from core.settings import CorrelatorSettings
from correlator.correlate import at, correlate
from correlator.freshness import Freshness
from correlator.items import make_item
from correlator.known import NAMES, SIGNS, evidence
from correlator.model import PairModel
from correlator.train import fit_weights


def train_known(
    records: Sequence[Assessed],
    labels: Mapping[str, str],
    *,
    model: PairModel,
    settings: CorrelatorSettings,
    incident_at: float,
) -> PairModel:
    """The model with weights of ``known``, from the events that it makes of labelled records.

    ``labels``: event of each record id. An event is known to 102 when a report speaks of what most
    of its posts speak of.
    """
    items = {record.subject.id: make_item(record, model.idf) for record in records}
    reported = {labels[r.subject.id] for r in records if not isinstance(r.subject, Post)}
    rows: list[tuple[float, ...]] = []
    known: list[bool] = []
    for event in correlate(
        records,
        settings=settings,
        model=replace(model, known={}),
        as_of=max(map(at, records)),
        freshness=Freshness.always(),
        incident_at=incident_at,
    ):
        if event.reports or event.incident < incident_at:
            continue
        posts = [items[link.id] for link in event.posts]
        report = max((link.probability for link in event.candidates), default=0.0)
        rows.append(evidence(posts, event.incident, report))
        votes = Counter(labels[post.id] for post in posts)
        known.append(min(votes, key=lambda key: (-votes[key], key)) in reported)
    bias, weights = fit_weights(
        np.array(rows)[:, 1:],
        np.array(known, dtype=np.float64),
        np.ones(len(known)),
        [SIGNS[name] for name in NAMES[1:]],
    )
    return replace(model, known=dict(zip(NAMES, [bias, *map(float, weights)], strict=True)))
