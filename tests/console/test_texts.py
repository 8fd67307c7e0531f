"""Three complete languages, and no words outside of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.decisions import RejectReason
from console.rows import View
from console.texts import FOLDER, LANGUAGES, load_texts
from core.records import Category, Channel, DecisionKind, Language, ReportState, Role

CONSOLE = FOLDER.parent
TEMPLATES = sorted((CONSOLE / "templates").iterdir())
SCRIPTS = sorted((CONSOLE / "web" / "src").rglob("*.ts"))
LETTER = re.compile(r"[^\W\d_]")
TEXTS = load_texts()
ENUMS: list[tuple[str, list[str]]] = [
    ("category.", [c.value for c in Category]),
    ("channel.", [c.value for c in Channel]),
    ("state.", [s.value for s in ReportState]),
    ("state.hint.", [s.value for s in ReportState]),
    ("role.", [r.value for r in Role]),
    ("language.", [x.value for x in Language]),
    ("language.short.", [x.value for x in Language]),
    ("reason.", [r.value for r in RejectReason]),
    ("view.", [v.value for v in View]),
    ("queue.empty.", [v.value for v in View]),
    ("moment.decision_", [k.value for k in DecisionKind]),
    ("lang.", list(LANGUAGES)),
]


def keys(lang: str) -> dict[str, str]:
    """All texts of a language."""
    return TEXTS[lang].all("")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_keys_with_the_same_gaps(lang: str) -> None:
    russian, other = keys("ru"), keys(lang)
    assert russian.keys() == other.keys()
    for key, text in russian.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", other[key])), key
        assert other[key].strip(), key


def test_kazakh_and_english_are_no_copies_of_russian() -> None:
    same = {
        "app.",
        "lang.",
        "language.short.",
        "unit.",
        "time.",
        "js.time.",
        "js.km",
        "js.m",
        "row.media_n",
        "map.title",
        "map.show",
        "map.licence",
    }
    for lang in ("kk", "en"):
        copied = [
            key
            for key, text in keys(lang).items()
            if text == keys("ru")[key] and not key.startswith(tuple(same))
        ]
        assert copied == []


@pytest.mark.parametrize(("prefix", "names"), ENUMS)
def test_every_name_of_a_closed_set_has_words(prefix: str, names: list[str]) -> None:
    assert [name for name in names if prefix + name not in keys("ru")] == []


def test_every_key_that_is_asked_for_exists() -> None:
    asked: set[str] = set()
    for file in [*TEMPLATES, *CONSOLE.rglob("*.py")]:
        asked |= set(re.findall(r"\bt\([\"']([a-z_0-9.]+[a-z_0-9])[\"']", file.read_text()))
    for file in SCRIPTS:
        asked |= set(re.findall(r"\"(js\.[a-z_.]+[a-z_])\"", file.read_text()))
    assert len(asked) > 150
    assert sorted(asked - keys("ru").keys()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_words_of_their_own(template: Path) -> None:
    text = template.read_text()
    text = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", text)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->", "", text, flags=re.DOTALL)
    told = re.findall(r'(?:title|placeholder|aria-label|alt)="([^"]*)"', text)
    text = re.sub(r"<kbd[^>]*>.*?</kbd>", "", text, flags=re.DOTALL)  # keys have these names
    text = re.sub(r"<[^>]*>", "", text)
    text = re.sub(r"\b(geokz|GeoNames|JSON|CAP)\b", "", text)
    for piece in [text, *told]:
        assert not LETTER.search(piece), piece.strip()[:80]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert "|safe" not in text.replace(" ", "")
