"""Peers of the correlator: splink, logistic regression as dedupe does it, MinHash, DBSCAN.

Each sees the same records boiled down (``correlator.items``), learns or tunes on the train part
and gives a partition: the cluster of each record id. Thresholds are those of the best B-cubed F1
on the train part. All work in batch, none is incremental.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import hypot, log1p
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import DBSCAN
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from correlator.evaluation import b_cubed
from correlator.items import VAGUE_RADIUS_M, Item

Partition = dict[str, str]
Truth = Mapping[str, str]
Floats = npt.NDArray[np.float64]
WITHIN_S = 86_400.0
RARE_BITS = 5.0
MOST_IN_BLOCK = 400


class Peer(Protocol):
    """One method."""

    name: str

    def learn(self, items: Sequence[Item], texts: Mapping[str, str], truth: Truth) -> None:
        """Fit weights and choose thresholds."""
        ...

    def cluster(self, items: Sequence[Item], texts: Mapping[str, str]) -> Partition:
        """The cluster of each record."""
        ...


def best_of(values: Iterable[float], cluster: Callable[[float], Partition], truth: Truth) -> float:
    """The value whose partition has the best B-cubed F1."""
    return max(values, key=lambda value: b_cubed(cluster(value), truth).f1)


def joined(items: Sequence[Item], pairs: Iterable[tuple[int, int]]) -> Partition:
    """Connected components."""
    edges = list(pairs)
    rows, columns = ([e[0] for e in edges], [e[1] for e in edges])
    graph = coo_matrix((np.ones(len(edges)), (rows, columns)), shape=(len(items), len(items)))
    _, labels = connected_components(graph, directed=False)
    return {item.id: str(label) for item, label in zip(items, labels, strict=True)}


def blocked(items: Sequence[Item]) -> list[tuple[int, int]]:
    """Pairs of one town or with a rare word in common, within a day of each other."""
    blocks: dict[object, list[int]] = {}
    for position, item in enumerate(items):
        if item.town is not None:
            blocks.setdefault(("town", item.town, int(item.at // WITHIN_S)), []).append(position)
            blocks.setdefault(("town", item.town, int(item.at // WITHIN_S) + 1), []).append(
                position
            )
        for word, bits in item.weights.items():
            if bits >= RARE_BITS:
                blocks.setdefault(word, []).append(position)
    found = {
        pair
        for block in blocks.values()
        if len(block) <= MOST_IN_BLOCK
        for pair in combinations(block, 2)
        if abs(items[pair[0]].at - items[pair[1]].at) <= WITHIN_S
    }
    return sorted(found)


class MinHashPeer:
    """datasketch MinHash LSH on word pairs and stems: near-duplicates are one event."""

    name = "MinHash LSH"

    def __init__(self) -> None:
        self.threshold = 0.5

    def learn(self, items: Sequence[Item], texts: Mapping[str, str], truth: Truth) -> None:
        """Choose the Jaccard threshold."""
        self.threshold = best_of(
            (0.1, 0.15, 0.2, 0.3, 0.4, 0.5), lambda value: self._at(items, value), truth
        )

    def cluster(self, items: Sequence[Item], texts: Mapping[str, str]) -> Partition:
        """Components of colliding records."""
        return self._at(items, self.threshold)

    def _at(self, items: Sequence[Item], threshold: float) -> Partition:
        from datasketch import MinHash, MinHashLSH

        index = MinHashLSH(threshold=threshold, num_perm=64)
        pairs = []
        for position, item in enumerate(items):
            sketch = MinHash(num_perm=64)
            sketch.update_batch([stem.encode() for stem in sorted(item.stems)] or [b""])
            for other in index.query(sketch):
                if abs(items[other].at - item.at) <= WITHIN_S:
                    pairs.append((other, position))
            index.insert(position, sketch)
        return joined(items, pairs)


class DbscanPeer:
    """TF-IDF of words with DBSCAN by cosine distance."""

    name = "TF-IDF, DBSCAN"

    def __init__(self) -> None:
        self.eps = 0.5

    def learn(self, items: Sequence[Item], texts: Mapping[str, str], truth: Truth) -> None:
        """Choose the distance."""
        rows = self._rows(items, texts)
        self.eps = best_of(
            np.arange(0.3, 0.95, 0.05), lambda value: self._at(items, rows, value), truth
        )

    def cluster(self, items: Sequence[Item], texts: Mapping[str, str]) -> Partition:
        """Dense groups; a record in none is alone."""
        return self._at(items, self._rows(items, texts), self.eps)

    def _rows(self, items: Sequence[Item], texts: Mapping[str, str]) -> csr_matrix:
        return TfidfVectorizer(sublinear_tf=True).fit_transform([texts[i.id] for i in items])

    def _at(self, items: Sequence[Item], rows: csr_matrix, eps: float) -> Partition:
        labels = DBSCAN(eps=eps, min_samples=2, metric="cosine").fit_predict(rows)
        return {
            item.id: f"group {label}" if label >= 0 else item.id
            for item, label in zip(items, labels, strict=True)
        }


class DedupePeer:
    """Logistic regression on field distances, average linkage of blocked pairs: as dedupe does."""

    name = "dedupe-style regression"

    def __init__(self) -> None:
        self.model = LogisticRegression(max_iter=1_000)
        self.distance = 0.5

    def learn(self, items: Sequence[Item], texts: Mapping[str, str], truth: Truth) -> None:
        """Fit on the blocked pairs, then choose where linkage stops."""
        pairs = blocked(items)
        same = [truth[items[a].id] == truth[items[b].id] for a, b in pairs]
        values = self._values(items, texts, pairs)
        self.model.fit(values, same)
        chances = self.model.predict_proba(values)[:, 1]
        self.distance = best_of(
            (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
            lambda value: self._linked(items, pairs, chances, value),
            truth,
        )

    def cluster(self, items: Sequence[Item], texts: Mapping[str, str]) -> Partition:
        """Average linkage within each component."""
        pairs = blocked(items)
        chances = self.model.predict_proba(self._values(items, texts, pairs))[:, 1]
        return self._linked(items, pairs, chances, self.distance)

    def _values(
        self, items: Sequence[Item], texts: Mapping[str, str], pairs: Sequence[tuple[int, int]]
    ) -> Floats:
        rows = TfidfVectorizer(sublinear_tf=True).fit_transform([texts[i.id] for i in items])
        left, right = np.array(pairs).T
        cosine = np.asarray(rows[left].multiply(rows[right]).sum(axis=1)).ravel()
        fields = np.array([_fields(items[a], items[b]) for a, b in pairs])
        return np.column_stack([cosine, fields])

    def _linked(
        self, items: Sequence[Item], pairs: Sequence[tuple[int, int]], chances: Floats, stop: float
    ) -> Partition:
        likely = {pair: float(p) for pair, p in zip(pairs, chances, strict=True) if p > 0.05}
        components: dict[str, list[int]] = {}
        for position, label in enumerate(joined(items, likely).values()):
            components.setdefault(label, []).append(position)
        found: Partition = {}
        for label, members in components.items():
            if len(members) == 1:
                found[items[members[0]].id] = label
                continue
            gaps = [1.0 - likely.get(pair, 0.0) for pair in combinations(members, 2)]
            groups = fcluster(linkage(np.array(gaps), "average"), stop, "distance")
            for member, group in zip(members, groups, strict=True):
                found[items[member].id] = f"{label}/{group}"
        return found


class SplinkPeer:
    """splink on DuckDB: m from the labels of the train part, u from random pairs."""

    name = "splink"

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.threshold = 0.5

    def learn(self, items: Sequence[Item], texts: Mapping[str, str], truth: Truth) -> None:
        """Estimate the model and choose the probability from which records are linked."""
        from splink import Linker

        sizes: dict[str, int] = {}
        for item in items:
            sizes[truth[item.id]] = sizes.get(truth[item.id], 0) + 1
        same = sum(n * (n - 1) for n in sizes.values()) / (len(items) * (len(items) - 1))
        linker = Linker(_table(items, truth), _splink_settings(same), log_level=logging.ERROR)
        linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=7)
        linker.training.estimate_m_from_label_column("event")
        self.settings = linker.misc.save_model_to_json()
        predicted = linker.inference.predict(threshold_match_probability=0.01)
        self.threshold = best_of(
            (0.05, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999),
            lambda value: self._clusters(linker, predicted, value),
            truth,
        )

    def cluster(self, items: Sequence[Item], texts: Mapping[str, str]) -> Partition:
        """Components of the pairs above the threshold."""
        from splink import Linker

        linker = Linker(_table(items, {}), self.settings, log_level=logging.ERROR)
        predicted = linker.inference.predict(threshold_match_probability=0.01)
        return self._clusters(linker, predicted, self.threshold)

    def _clusters(self, linker: Any, predicted: Any, threshold: float) -> Partition:
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=threshold
        )
        return {str(row["id"]): str(row["cluster_id"]) for row in found.as_record_list()}


def _splink_settings(same: float) -> Any:
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons
    from splink import SettingsCreator, block_on
    from splink.blocking_rule_library import CustomRule

    soon = [
        levels.NullLevel("at"),
        *(levels.AbsoluteDifferenceLevel("at", s) for s in (600, 3_600, 21_600)),
    ]
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        probability_two_random_records_match=same,
        blocking_rules_to_generate_predictions=[
            CustomRule(f"l.town = r.town AND abs(l.at - r.at) <= {WITHIN_S}"),
            block_on("words", arrays_to_explode=["words"]),
        ],
        comparisons=[
            comparisons.CustomComparison([*soon, levels.ElseLevel()], output_column_name="at"),
            comparisons.DistanceInKMAtThresholds("lat", "lon", [0.3, 1, 5, 25]),
            comparisons.ExactMatch("category"),
            comparisons.ArrayIntersectAtSizes("words", [4, 2, 1]),
            comparisons.ArrayIntersectAtSizes("concepts", [3, 2, 1]),
        ],
        retain_intermediate_calculation_columns=False,
    )


def _table(items: Sequence[Item], truth: Truth) -> Any:
    """The records as a table of a DuckDB in memory."""
    from splink import DuckDBAPI

    rows = []
    for item in items:
        site = item.sites[0] if item.sites and item.sites[0].radius_m < VAGUE_RADIUS_M else None
        rows.append(
            {
                "id": item.id,
                "event": truth.get(item.id),
                "at": item.at,
                "town": item.town,
                "lat": None if site is None else site.lat,
                "lon": None if site is None else site.lon,
                "category": item.chances[0][0].value if item.chances else None,
                "words": sorted(w for w, bits in item.weights.items() if bits >= RARE_BITS),
                "concepts": sorted(item.concepts),
            }
        )
    return DuckDBAPI().register(rows)


def _fields(a: Item, b: Item) -> list[float]:
    """Distances of the fields, missing ones as 0 with a flag."""
    gap = abs(a.at - b.at) / 3_600.0
    town = 0.5 if a.town is None or b.town is None else float(a.town == b.town)
    near, placed = 0.0, 0.0
    if a.sites and b.sites:
        x, y = a.sites[0], b.sites[0]
        km = hypot((x.lat - y.lat) * 111.2, (x.lon - y.lon) * 111.2 * x.cos_lat)
        near, placed = 1.0 / (1.0 + km), 1.0
    category = float(bool(a.chances and b.chances) and a.chances[0][0] is b.chances[0][0])
    words = len(a.stems & b.stems) / max(1, min(len(a.stems), len(b.stems)))
    things = len(a.concepts & b.concepts) / max(1, min(len(a.concepts), len(b.concepts)))
    return [log1p(gap), town, near, placed, category, words, things]
