from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from core.records import Assessment, Category, Language
from nlp.charts import charts, reliability
from nlp.evaluate import Judged, figures
from nlp.labelled import LabelledPost

AT = datetime(2026, 3, 20, 14, 5, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def judged(number: int, said: float, *, incident: bool) -> Judged:
    category = Category.ROAD_CRASH if incident else Category.NONE
    post = LabelledPost(
        id=f"p{number}",
        author="a",
        text="авария",
        posted_at=AT,
        style="comment",
        language=(Language.RU, Language.KK)[number % 2],
        incident=incident,
        category=category,
    )
    assessment = Assessment(
        subject=post.id,
        version=1,
        assessor="made-up",
        language=Language.RU,
        incident=said,
        category=category,
        categories={category: 1.0},
        urgency=0.0,
    )
    return Judged(post, assessment)


@pytest.fixture(scope="module")
def items() -> list[Judged]:
    sure = [judged(n, 0.95, incident=n % 10 != 0) for n in range(40)]
    return [*sure, *(judged(n, 0.05, incident=n % 20 == 0) for n in range(40, 80)),
            judged(80, 1.0, incident=True)]  # fmt: skip


def test_reliability_counts_tenths(items: list[Judged]) -> None:
    low, high = reliability(items)
    assert (low.count, high.count) == (40, 41)
    assert low.true == pytest.approx(2 / 40)
    assert high.true == pytest.approx(37 / 41)
    assert low.low < low.true < low.high
    assert 0.95 < high.said < 0.96


def test_each_kind_of_figure_has_a_chart_with_a_row_a_group(items: list[Judged]) -> None:
    results = figures(items, resamples=20)
    drawn = charts(results, items)
    assert {"reliability.svg", "incident_f1.svg", "category_f1.svg"} <= set(drawn)
    assert "politics_flagged.svg" not in drawn
    for name, drawing in drawn.items():
        root = ElementTree.fromstring(drawing)  # noqa: S314
        points = root.findall(f"{SVG}circle")
        rows = {"incident_f1.svg": 3, "category_f1.svg": 14, "reliability.svg": 2}
        assert len(points) == rows.get(name, len(points)), name
        box = [float(x) for x in root.attrib["viewBox"].split()]
        for point in points:
            assert 0 <= float(point.attrib["cx"]) <= box[2]
            assert 0 <= float(point.attrib["cy"]) <= box[3]
