"""Which words beside a place say that it happens there. The sentences are made for these tests."""

from __future__ import annotations

import pytest

from nlp.gazetteer.index import Gazetteer
from nlp.gazetteer.mentions import find_mentions
from nlp.gazetteer.relations import Role, kilometre_near, role_of
from nlp.words import words_of


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("стреляют в Талгаре", Role.HERE),
        ("горит склад под Талгаром", Role.HERE),
        ("не доезжая до Талгара перевернулась фура", Role.HERE),
        ("на выезде из Талгара стоит пьяный", Role.HERE),
        ("у поворота на Талгар лежит велосипедист", Role.HERE),
        ("пишут из Талгара: дым над школой", Role.HERE),
        ("ушла вечером из Талгара и не вернулась", Role.HERE),
        ("Талғардан шыға берісте көлік аударылды", Role.HERE),
        ("Талғардан өткен жерде өрт", Role.HERE),
        ("Талғарға жақын жерде төбелес", Role.HERE),
        ("Талғардың маңында атыс", Role.HERE),
        ("родня едет из Талгара", Role.SOURCE),
        ("Талғардан келе жатқан автобус", Role.SOURCE),
        ("джип уходит в сторону Талгара", Role.TARGET),
        ("мотоцикл ушёл на Талгар", Role.TARGET),
        ("Талғарға қарай кетті", Role.TARGET),
        ("Талғар бағытында кептеліс", Role.TARGET),
        ("житель Талгара угнал трактор", Role.ORIGIN),
        ("жители Талгара тушат степь", Role.PLAIN),
    ],
)
def test_roles(gazetteer: Gazetteer, text: str, role: Role) -> None:
    words = words_of(text)
    mention = find_mentions(words, gazetteer)[0]
    assert "talgar" in mention.entries[0].id
    assert role_of(words, mention) is role


@pytest.mark.parametrize(
    ("text", "km"),
    [
        ("на 35-м км трассы", 35.0),
        ("35-й километр, фура", 35.0),
        ("жолдың 40-шақырымында", 40.0),
        ("trassa 120 km", 120.0),
        ("летел 120 км/ч", None),
        ("стоим давно", None),
    ],
)
def test_kilometres(text: str, km: float | None) -> None:
    words = words_of(text)
    assert kilometre_near(words, 0, len(words) - 1) == km
