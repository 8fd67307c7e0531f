"""A crowd is clustered in full now and then, and at last when it grows no more."""

from __future__ import annotations

from core.settings import CorrelatorSettings
from correlator.graph import CROWD, Graph
from correlator.items import make_item
from correlator.model import PairModel
from tests.correlator.conftest import Make

PLACES = ("у входа", "возле кассы", "на третьем этаже", "со стороны парковки", "у лифта")
SIGHTS = ("черный дым", "пламя из окон", "люди выбегают", "пожарные едут", "все в дыму")


def test_what_waits_ends_as_if_it_had_come_at_once(post: Make) -> None:
    model = PairModel.load()
    count = CROWD + 40
    items = [
        make_item(
            post(
                f"p{n}",
                f"горит торговый центр Жетысу {PLACES[n % 5]} {SIGHTS[n // 5 % 5]} видел {n} раз",
                n / 10,
                north_m=10.0 * (n % 7),
            ),
            model.idf,
        )
        for n in range(count)
    ]
    live, batch = (Graph(CorrelatorSettings(), model) for _ in range(2))
    for item in items:
        live.clusters_around(live.put(item))
        batch.put(item)
    assert live.waiting, "the last of them stand with what they resemble most"
    ids = [item.id for item in items]
    live.clusters_around(live.grown())
    assert not live.waiting
    assert live.clusters_around(ids) == batch.clusters_around(ids)
    assert max(map(len, batch.clusters_around(ids))) > CROWD, "and it is one event"
