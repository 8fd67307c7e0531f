"""Moves from the store to proposals of places, and accepted ones into the operator's gazetteer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.errors import InputError
from core.geo import distance_m
from core.records import AuditEntry, Post
from learning.gate import GATE_FALL
from learning.labels import place_labels
from learning.places import (
    NEAR_M,
    Correction,
    Distances,
    Proposal,
    Text,
    distances,
    proposals,
    right,
)
from learning.run import write_records
from nlp.gazetteer import storage
from nlp.gazetteer.find import find
from nlp.gazetteer.index import Gazetteer
from nlp.labelled import LabelledPost, part_of, read_corpus
from store.protocol import OPEN, Store

PROPOSALS = "proposals.jsonl"


@dataclass(frozen=True)
class Places:
    """Where places lie. ``built``: the project's file; ``own``: the operator's, maybe absent."""

    built: Path
    own: Path
    corpus: Path

    def gazetteer(self, *more: Path) -> Gazetteer:
        """All of them as one."""
        own = [self.own] if self.own.exists() else []
        return Gazetteer.load(self.built, *own, *more)


def corrections(store: Store) -> list[Correction]:
    """The moves that stand, with what was shown and the texts that are still kept."""
    found = []
    for label in place_labels(store.decisions(OPEN)):
        event = store.event(label.event, OPEN, label.shown)
        if event is None:
            continue
        kept = store.assessed([link.id for link in event.posts], OPEN)
        texts = tuple(
            Text(one.subject.text, one.subject.home)
            for one in kept
            if isinstance(one.subject, Post)
        )
        found.append(Correction(label.event, label.by, label.point, event.location, texts))
    return found


def propose(store: Store, places: Places, folder: Path) -> tuple[Distances, list[Proposal]]:
    """How far off moved events were, and the places that moves propose, with what each changes."""
    moved, gazetteer = corrections(store), places.gazetteer()
    gate = [p for p in read_corpus(places.corpus) if part_of(p) == "test"]
    before = _located(gate, gazetteer)
    made = []
    for proposal in proposals(moved, gazetteer):
        about = [c for c in moved if _speaks_of(c, proposal)]
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, "one.sqlite")
            _keep(proposal, path)
            changed = places.gazetteer(path)
        made.append(
            proposal.model_copy(
                update={
                    "right": (right(about, gazetteer), right(about, changed)),
                    "of": sum(len(c.texts) for c in about),
                    "gate": (before, _located(gate, changed)),
                }
            )
        )
    write_records(folder / PROPOSALS, made)
    return distances(moved, gazetteer), made


def accept(
    store: Store, clock: Clock, places: Places, folder: Path, proposal_id: str, by: str
) -> Proposal:
    """Put a proposed place into the operator's gazetteer; raises InputError that says why not."""
    path = folder / PROPOSALS
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    known = {p.id: p for p in map(Proposal.model_validate_json, lines)}
    proposal = known.get(proposal_id)
    if proposal is None:
        raise InputError(
            f"no place {proposal_id!r} is proposed; `oqiga learn places` lists: "
            f"{', '.join(known) or 'none'}"
        )
    if proposal.right[1] <= proposal.right[0]:
        raise InputError(f"{proposal_id}: no moved event would be read right with it")
    if proposal.gate[1] < proposal.gate[0] - GATE_FALL:
        raise InputError(
            f"{proposal_id}: with it fewer texts of the corpus are located right "
            f"({proposal.gate[0]:.3f} to {proposal.gate[1]:.3f})"
        )
    detail = {"name": proposal.name, "events": proposal.events, "persons": proposal.persons}
    store.add_audit(
        AuditEntry(
            at=clock.now(),
            by=by,
            action="place_accepted",
            subject=proposal.id,
            detail=json.dumps(detail, ensure_ascii=False),
        )
    )
    places.own.parent.mkdir(parents=True, exist_ok=True)
    _keep(proposal, places.own)
    return proposal


def _keep(proposal: Proposal, path: Path) -> None:
    with storage.opened(path) as db:
        storage.put_entries(db, [proposal.entry])


def _speaks_of(correction: Correction, proposal: Proposal) -> bool:
    to, point = correction.to, proposal.point
    return distance_m(to.lat, to.lon, point.lat, point.lon) <= NEAR_M


def _located(posts: Sequence[LabelledPost], gazetteer: Gazetteer) -> float:
    """Share of incidents with a known place that are located within a kilometre of it."""
    hits = []
    for post in posts:
        if post.location is None or not post.incident:
            continue
        _, found = find(gazetteer, post.text, post.home)
        point = found.point
        hits.append(
            point is not None
            and distance_m(point.lat, point.lon, post.location.lat, post.location.lon) <= NEAR_M
        )
    return sum(hits) / len(hits) if hits else 0.0
