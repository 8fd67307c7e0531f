"""What is put away comes back equal, and no more is at hand than asked for."""

from __future__ import annotations

import pytest

from benchmarks.corpus import corpus_posts
from core.records import Assessed, Audience
from core.settings import CorrelatorSettings
from correlator.blocking import speaks
from correlator.freshness import Freshness
from correlator.items import WORDING, Item, make_item
from correlator.live import Correlator
from correlator.model import PairModel
from correlator.packing import EventPacker, RecordPacker, pack_item, unpack_item
from correlator.pairs import judge
from correlator.shelf import Shelf
from nlp.assessor import Assessor, subject_of_post
from oqiga.context import PROJECT_MODELS


@pytest.fixture(scope="module")
def records() -> list[Assessed]:
    """Some posts of the corpus as the shipped models see them."""
    posts = corpus_posts()[::20]
    judged = Assessor.load(PROJECT_MODELS).assess([subject_of_post(post) for post in posts])
    return [
        Assessed(subject=post, assessment=found, audience=Audience.OPEN)
        for post, found in zip(posts, judged, strict=True)
    ]


def shelf(at_hand: int) -> Shelf[list[int]]:
    return Shelf(lambda _, thing: bytes(thing), lambda _, packed: list(packed), at_hand)


def test_a_shelf_is_a_dictionary() -> None:
    things, plain = shelf(3), dict[str, list[int]]()
    for n in range(20):
        things[str(n)] = plain[str(n)] = [n, n + 1]
    things["4"] = plain["4"] = [9]
    del things["5"], plain["5"]
    assert things.pop("6") == plain.pop("6")
    assert things.get("6") is None
    assert "6" not in things
    assert dict(things.items()) == plain
    assert len(things) == len(plain)


def test_what_was_put_there_longest_ago_is_packed_and_unpacked_when_asked_for() -> None:
    things, first = shelf(3), [1]
    things["first"] = first
    assert things["first"] is first
    for n in range(3):
        things[str(n)] = [n]
    assert things["first"] == first
    assert things["first"] is not first
    assert things["first"] is things["first"], "and stays at hand"


def test_what_is_asked_for_again_and_again_stays_at_hand_until_it_rests() -> None:
    things = shelf(3)
    for n in range(50):
        things[str(n)] = [n]
    for _ in range(2):
        held = [things[str(n)] for n in range(50)]
    assert all(things[str(n)] is one for n, one in enumerate(held))
    things.rest()
    things["more"] = [0]
    assert not any(things[str(n)] is held[n] for n in range(40))


def test_records_come_back_equal(records: list[Assessed]) -> None:
    packer = RecordPacker(Assessed)
    packed = [packer.pack("", record) for record in records]
    assert [packer.unpack("", p) for p in packed] == records
    assert sum(map(len, packed)) < 0.5 * sum(len(r.model_dump_json()) for r in records)


def test_items_come_back_as_they_were(records: list[Assessed], model: PairModel) -> None:
    items = [make_item(record, model.idf) for record in records]
    speaking = [item for item in items if speaks(item)]
    back = [unpack_item(pack_item("", item), model.idf) for item in speaking]
    plain = [name for name in Item.__slots__ if name not in {"vector", "idf"}]
    assert set(plain) >= WORDING
    for old, new in zip(speaking, back, strict=True):
        assert [getattr(old, name) for name in plain] == [getattr(new, name) for name in plain]
        assert (old.vector is None) == (new.vector is None)
    for a, b, c, d in zip(speaking, speaking[1:], back, back[1:], strict=False):
        assert judge(a, b, model) == judge(c, d, model)
    assert all(pack_item("", item) == b"" for item in items if not speaks(item))


def test_events_come_back_equal(world: list[Assessed], model: PairModel) -> None:
    live = Correlator(CorrelatorSettings(), model)
    now = max(record.subject.accepted_at for record in world)
    live.update(world, now, Freshness())
    events, packer = live.events, EventPacker()
    packed = [packer.pack(event.id, event) for event in events]
    assert {p[:1] for p in packed} == {b"j", b"m"}, "of one post alone, and of several"
    assert [packer.unpack(e.id, p) for e, p in zip(events, packed, strict=True)] == events
