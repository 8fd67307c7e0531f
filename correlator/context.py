"""What the other records of a component say of a pair, beyond the two texts.

A third record that resembles both speaks for the pair; one that resembles the first and is clearly
another event than the second speaks against it; and the more records a record resembles, the less
each resemblance means. That is how near misses in a crowded hour are told apart. Second-order
features of correlation clustering; the weights are learned (``train.train_context``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from correlator.constraints import Pair

LIMIT = 40
"""Larger components keep the values of their pairs: the effort grows with the cube of the size,
and so many records of one event support each other anyway (150 changed no figure)."""
CLIP = 4.0
UNKNOWN = -1.0
"""What a pair of which nothing can be said counts as a witness."""
SLIGHT = -4.0
"""Pairs below are left alone: nothing makes them one event."""
NAMES = ("bias", "own", "supported", "rivalled", "outdone", "resembles", "crowd")
Floats = npt.NDArray[np.float64]


def refined(
    nodes: Sequence[str],
    pairs: Mapping[Pair, float],
    weights: Mapping[str, float],
    doubtful: Collection[str] = (),
) -> dict[Pair, float]:
    """The log-odds of a component's pairs in the light of the others.

    ``pairs``: all of which something can be said; ``weights``: one number each of ``NAMES``;
    none leave the pairs as they are. ``doubtful``: nodes that seem no incident; for their pairs
    the others speak against only, or all the chatter of a town would gather at its fire.
    """
    if not weights or not 2 < len(nodes) <= LIMIT:
        return dict(pairs)
    values = matrix(nodes, pairs)
    log_odds = seen(values) @ np.array([weights[name] for name in NAMES])
    position = {node: i for i, node in enumerate(nodes)}
    result = dict(pairs)
    for (a, b), value in pairs.items():
        if value >= SLIGHT:
            seen_so = float(log_odds[position[a], position[b]])
            unsure = a in doubtful or b in doubtful
            result[a, b] = min(value, seen_so) if unsure else seen_so
    return result


def matrix(nodes: Sequence[str], pairs: Mapping[Pair, float]) -> Floats:
    """Log-odds of all pairs as a symmetric matrix, not a number where nothing can be said."""
    values = np.full((len(nodes), len(nodes)), np.nan)
    position = {node: i for i, node in enumerate(nodes)}
    for (a, b), value in pairs.items():
        i, j = position[a], position[b]
        values[i, j] = values[j, i] = value
    return values


def seen(values: Floats) -> Floats:
    """The features ``NAMES`` of each pair, shape (n, n, 7); symmetric in the first two."""
    size = len(values)
    known = np.where(np.isnan(values), UNKNOWN, np.clip(values, -CLIP, CLIP))
    np.fill_diagonal(known, -2 * CLIP)
    supported = np.full((size, size), -CLIP)
    rivalled = np.full((size, size), -CLIP)
    outdone = np.zeros((size, size))
    for third in range(size):
        column = known[:, third]
        both = np.minimum(column[:, None], column[None, :])
        against = np.minimum(column[:, None], -column[None, :])
        both[third] = both[:, third] = against[third] = against[:, third] = -CLIP
        supported = np.maximum(supported, both)
        rivalled = np.maximum(rivalled, against)
        outdone += column[:, None] > known
    resembles = np.repeat(np.log1p((known > UNKNOWN).sum(axis=1))[:, None], size, axis=1)
    odds = np.exp(known)
    crowd = np.log1p(odds.sum(axis=1)[:, None] - odds)
    return np.stack(
        [
            np.ones((size, size)),
            np.where(np.isnan(values), UNKNOWN, np.clip(values, -2 * CLIP, 2 * CLIP)),
            supported,
            np.maximum(rivalled, rivalled.T),
            np.log1p(np.maximum(outdone, outdone.T)),
            np.maximum(resembles, resembles.T),
            np.minimum(crowd, crowd.T),
        ],
        axis=-1,
    )
