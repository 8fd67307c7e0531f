"""The screen leaves out no pair that all features would join."""

from __future__ import annotations

from itertools import permutations

from benchmarks.corpus import assessed_corpus
from core.records import Assessed, Audience, Post
from core.settings import CorrelatorSettings
from correlator.blocking import comparable, linked, reach_s
from correlator.items import Item, make_item
from correlator.model import PairModel
from correlator.pairs import pair_log_odds
from correlator.screen import Screen
from oqiga.context import PROJECT_MODELS
from tests.correlator.conftest import Make

SETTINGS = CorrelatorSettings()
LIMITS = (-2.9, 0.0)


def missed(items: list[Item], model: PairModel, limit: float) -> list[tuple[str, str]]:
    """Pairs that are left out though they reach the limit."""
    screen = Screen(model)
    reach = {item.id: reach_s(item, SETTINGS) for item in items}
    for item in items:
        screen.add(item, reach[item.id])
    passed = {
        item.id: set(
            screen.possible(
                item, (o.id for o in items if o is not item), posts_from=limit, reports_from=limit
            )
        )
        for item in items
    }
    return [
        (a.id, b.id)
        for a, b in permutations(items, 2)
        if comparable(a, b, min(reach[a.id], reach[b.id]))
        and not linked(a, b)
        and pair_log_odds(a, b, model) >= limit
        and b.id not in passed[a.id]
    ]


def test_no_pair_of_the_corpus_is_left_out() -> None:
    model = PairModel.load()
    known = [k for k in assessed_corpus(PROJECT_MODELS) if k[1].incident > 0.05][::9]
    start = min(found.posted_at for found, _ in known)
    items = []
    for number, (found, judged) in enumerate(known):
        near = start.replace(hour=number % 24, minute=number % 60)
        moved: Post = found.model_copy(update={"posted_at": near})
        record = Assessed(subject=moved, assessment=judged, audience=Audience.OPEN)
        items.append(make_item(record, model.idf))
    for limit in LIMITS:
        assert not missed(items, model, limit)
    screen = Screen(model)
    for item in items:
        screen.add(item, reach_s(item, SETTINGS))
    left = sum(
        len(screen.possible(i, (o.id for o in items), posts_from=0.0, reports_from=0.0))
        for i in items
    )
    assert left < 0.2 * len(items) ** 2, "and most are left out"


def test_a_removed_record_is_not_possible_and_its_row_is_used_again(
    post: Make, report: Make
) -> None:
    model = PairModel.load()
    items = [
        make_item(post(f"p{n}", "сбили пешехода на перекрестке", n), model.idf) for n in range(200)
    ]
    items.append(make_item(report("r", "сбили пешехода", 3), model.idf))
    screen = Screen(model)
    for item in items:
        screen.add(item, 9e9)
    screen.remove("p1")
    others = [item.id for item in items[1:]]
    found = screen.possible(items[0], others, posts_from=-9.0, reports_from=-9.0)
    assert set(found) == set(others) - {"p1"}
    screen.add(items[1], 9e9)
    assert "p1" in screen.possible(items[0], others, posts_from=-9.0, reports_from=-9.0)
