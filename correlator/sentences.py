"""The sentence that a specialist reads for each feature.

In Russian, the operations centre's working language; a console in another language shows its own
text for the feature's name. No post text and no name of a person stands in a sentence.
"""

from __future__ import annotations

from correlator.items import Item, distance_m

_PLAIN = {
    "same_town": "тот же город, хотя бы в одном место внутри города не названо",
    "unplaced": "хотя бы в одном место не названо",
    "shared_place": "названа та же улица, перекрёсток или объект",
    "other_place": "названы разные улицы или объекты",
    "same_category": "тот же вид происшествия",
    "other_category": "разные виды происшествия",
    "no_incident": "одно из сообщений само по себе не похоже на происшествие",
    "off_topic": "одно из сообщений не о том, чем занимается 102",
    "words": "общие слова",
    "rare_words": "общие редкие слова",
    "concepts": "говорится об одних и тех же вещах, хотя бы и на разных языках",
    "meaning": "тексты близки по смыслу",
    "other_crossing": "одна улица общая, перекрёсток другой",
    "fits": "тот же вид происшествия в том же месте",
    "same_number": "совпадает номер: дом, микрорайон, маршрут, школа, возраст, сумма",
    "other_number": "номера расходятся: дом, микрорайон, маршрут, школа, возраст",
    "same_thing": "совпадает марка, цвет, вид транспорта или кто пострадал",
    "other_thing": "расходятся марка, цвет, вид транспорта или кто пострадал",
    "again": "более позднее говорит «опять», «ещё одно», «не путать»",
    "copy": "копия или пересылка",
    "reply": "ответ в той же ветке",
    "same_author": "тот же автор",
    "same_source": "тот же канал или чат",
    "same_media": "то же фото или видео",
    "report": "пост и сообщение в 102",
    "two_reports": "два сообщения в 102",
    "brief": "текст слишком короткий",
    "other_town": "разные города",
    "small_town": "один и тот же небольшой населённый пункт",
    "rare_kind": "тот же вид происшествия, и он редкий",
    "goes_on": "тот же голос в том же чате продолжает в течение часа",
    "many_concepts": "в обоих говорится о нескольких одинаковых вещах",
    "both_named": "в обоих место названо точно",
}


def sentence(feature: str, a: Item, b: Item) -> str:
    """What the feature found in this pair, with figures where there are any."""
    if feature in {"near", "far"}:
        gap, joint = min(
            (distance_m(x, y), (x.radius_m**2 + y.radius_m**2) ** 0.5)
            for x in a.sites
            for y in b.sites
        )
        return f"между местами {_metres(gap)}, общая неточность {_metres(joint)}"
    if feature in {"soon", "soon_somewhere", "lag", "within_hours"}:
        return f"между сообщениями {_minutes(abs(a.at - b.at) / 60.0)}"
    return _PLAIN[feature]


def _metres(metres: float) -> str:
    return f"{metres:.0f} м" if metres < 950 else f"{metres / 1000:.1f} км".replace(".", ",")


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} мин" if minutes < 90 else f"{minutes / 60:.1f} ч".replace(".", ",")
