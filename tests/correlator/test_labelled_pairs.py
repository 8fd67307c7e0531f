from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.event_pairs import (
    ACROSS,
    FROM_ONE_EVENT,
    PARTS,
    SHARES,
    WANTED,
    Told,
    drawn,
    raw_records,
    read_pairs,
)
from core.records import Category

START = datetime(2025, 5, 8, tzinfo=UTC)


def test_there_are_enough_pairs_across_languages_and_near_misses() -> None:
    pairs = [pair for part in PARTS for pair in read_pairs(part)]
    assert len(pairs) >= 1_000
    assert len({frozenset((p.left, p.right)) for p in pairs}) == len(pairs)
    assert sum(p.across for p in pairs) >= len(pairs) / 3
    assert sum(p.near_miss for p in pairs) >= len(pairs) / 3
    for part in PARTS:
        kinds = [p.kind for p in read_pairs(part)]
        assert min(kinds.count("post-post"), kinds.count("post-report")) >= len(kinds) / 4
        across = [p for p in read_pairs(part) if p.across]
        assert len(across) >= len(kinds) / 3, "each part crosses languages"
        assert sum(p.same for p in across) >= len(across) / 4


def test_labels_are_those_of_the_streams() -> None:
    for part, (stream, keys) in PARTS.items():
        records = raw_records(stream)
        for pair in read_pairs(part):
            left, right = records[pair.left], records[pair.right]
            assert pair.same == (left["event"] == right["event"]), pair
            assert not (pair.near_miss and pair.same), pair
            assert ("received_at" in right) == (pair.kind == "post-report"), pair
            assert "posted_at" in left, pair
            assert not left.get("weak"), pair
            assert not right.get("weak"), pair
            assert str(left["event"])[0] in keys, pair
            assert str(right["event"])[0] in keys, pair


def test_no_event_record_or_author_is_in_two_parts() -> None:
    seen: dict[str, str] = {}
    for part, (stream, _) in PARTS.items():
        records = raw_records(stream)
        for pair in read_pairs(part):
            for record in (pair.left, pair.right):
                event = str(records[record]["event"])
                author = record.partition("-")[0]
                for name in (record, event, f"author {author}"):
                    assert seen.setdefault(name, part) == part, name


def test_drawing_keeps_to_its_shares() -> None:
    def record(number: int) -> Told:
        event = number // 6
        return Told(
            id=f"r{number}",
            event=f"e{event}",
            report=number % 6 == 5,
            at=START + timedelta(minutes=number),
            language=("kk", "ru")[number % 2],
            category=(Category.ROAD_CRASH, Category.FIRE_EMERGENCY)[event % 2],
            town="almaty",
            happened=event != 0,
        )

    records = [record(number) for number in range(120)]
    pairs = drawn(records, 50)
    assert pairs == drawn(list(reversed(records)), 50), "the order of the records says nothing"
    assert len(pairs) == 50
    assert sum(p.same for p in pairs) == round(50 * SHARES["same"])
    assert sum(p.near_miss for p in pairs) == round(50 * SHARES["near_miss"])
    assert sum(p.across for p in pairs) == round(50 * ACROSS)
    events = {r.id: r.event for r in records}
    same = [events[p.left] for p in pairs if p.same]
    assert max(same.count(e) for e in same) <= FROM_ONE_EVENT
    nothing = {r.id for r in records if r.event == "e0"}
    assert not any(p.near_miss and {p.left, p.right} & nothing for p in pairs)


def test_the_parts_are_as_large_as_they_are_meant_to_be() -> None:
    for part, wanted in WANTED.items():
        assert 0.9 * wanted <= len(read_pairs(part)) <= wanted
