"""Names and their inflected forms: which words of a text a gazetteer name may stand as."""

from __future__ import annotations

from dataclasses import dataclass

from nlp.words import Form, coarsen, fold_cyrillic, terms, words_of


def folded(words: str) -> frozenset[str]:
    """Words, as typed, in coarse form."""
    return frozenset(coarsen(fold_cyrillic(w)) for w in words.split())


GENERIC = {
    "street": folded(
        "улица улице улицы улицу улицей улиц улицах ул проспект проспекта проспекте проспекту пр "
        "просп пркт прт бульвар бульваре бульвара бул переулок переулке переулка пер көше көшесі "
        "көшесінде көшесінен көшесіндегі көшесінің көшесімен көшесіне көш "
        "даңғыл даңғылы даңғылында "
        "даңғылының даңғылындағы даңғылына даңғылымен даңғылынан тұйығы шоссе тракт тракте тракта "
        "кошесы улицасы улицасында улицасындағы проспектісі проспектісінде проспектінде к-сі"
    )
    | {"кошеси", "кше", "ксе", "даг"},
    "microdistrict": folded(
        "микрорайон микрорайона микрорайоне микрорайону микрорайоном мкр мкрн мкрон мкрда мкрде "
        "мкрдағы ықшамаудан ықшамауданы ықшамауданда ықшамауданында ықшамауданындағы шағынаудан "
        "шағынауданы шағынауданында жилмассив жм массив микрорайонында микрорайоны мкрайон микраш "
        "квартал квартале квартала ыа"
    ),
    "district": folded(
        "район района районе району районом районы районында районындағы рн "
        "ауданы ауданында ауданындағы ауданының аудан "
        "ауданда ауданынан ауданына ауд"
    ),
    "region": folded(
        "область области областью обл облысы облысында облысындағы облысының облыс облыста "
        "облысынан облысына регион регионе"
    ),
    "city": folded(
        "город города городе г қаласы қаласында қаласындағы қаласының қала қалада қ қаласына "
        "қаласынан гор"
    ),
    "village": folded(
        "село селе села селом с ауылы ауылында ауылындағы ауылының ауыл ауылда ауылға ауылына "
        "посёлок поселок поселке посёлке поселка пос п аул ауле аула кент кенті кентінде селосы "
        "селосында станица станция ст пгт селолық округ округі поселкесі поселкасы"
    ),
    "highway": folded(
        "трасса трассе трассы трассу трассой трассасы трассасында трассада шоссе автодорога "
        "автодороге дорога дороге жол жолы жолында тасжол тасжолы тасжолында жолындағы автобан "
        "объездная м"
    ),
    "landmark": folded(
        "остановка остановке аялдама аялдамасы трц тц тд жк рынок рынке базар базары базарында "
        "парк парке саябағы мост моста көпірі школа больница стадион площадь мечеть вокзал"
    ),
    "country": frozenset(),
    "water": folded(
        "река реки реке реку рекой озеро озера озере озером водохранилище водохранилища "
        "водохранилищу водохранилищем хребет хребта хребте өзен өзені өзенінде өзенінің өзеніне "
        "өзенінен өзенде көл көлі көлінде көлінің көліне көлде суқоймасы суқоймасында"
    ),
}
"""Words that say of what kind a name is, in coarse form. A name of "water" is no settlement."""


ADJECTIVE = folded("ий ый ой ая ое ие ые ого его ому ему им ым ом ем ую ей ых их ими ыми") | {
    "и",
    "аиа",
    "ои",
    "уиу",
    "ие",
}
RUSSIAN = folded("а у е ы и о ой ою ом ем ей ам ах ами я ю ям ях ями ов") | {"иу", "иа", "иои"}
KAZAKH = folded(
    "да де та те дан ден тан тен нан нен ан ен ға ге қа ке на не нің дің тің ің ның дың тың "
    "ны ні ды ді ты ті мен бен пен дағы дегі тағы тегі нда нде ндағы ндегі нан нен ша ше лық лік "
    "дікі тікі нікі дағылар дегілер тағылар тегілер "
    "дар дер тар тер лар лер сы сі сында сінде інде ында ындағы индеги ға дай дей"
) | {"нинг", "динг", "тинг", "даги", "деги", "таги", "теги", "дын", "дин", "нын", "нин", "тин"}
LOCATIVE = folded("да де та те дағы дегі тағы тегі нда нде ында інде ындағы індегі")
DIRECTION = folded("дан ден тан тен нан нен ға ге қа ке на не ан ен")
NOUN_SUFFIX = RUSSIAN | KAZAKH
DOUBLED = folded(
    "те та тен тан тің тың ті ты тегі тағы нің ның нен нан ні ны де да ден дан дің дың ке ка ге га"
)
"""Endings whose first letter the word's last one may be."""
ANY_SUFFIX = NOUN_SUFFIX | ADJECTIVE | {ending[1:] for ending in DOUBLED}
MIN_BASE = 3


@dataclass(frozen=True, slots=True)
class Key:
    """One word of a name: its coarse form and what is left without a changing ending."""

    full: str
    base: str
    adjective: bool

    def ending(self, coarse: str, medium: str = "") -> str | None:
        """The ending with which ``coarse`` is this word, ``""`` when alike; ``None``: is not.

        ``medium`` shows whether a doubled letter belongs to both: "Шымкент" and "тің".
        """
        if coarse == self.full:
            return ""
        if coarse.startswith(self.full):
            rest = coarse[len(self.full) :]
            shared = self.full[-1] + rest
            if shared in DOUBLED and self.full[-1] * 2 in medium:
                return shared
            if self.full.endswith("ск") and rest == "и":
                return None  # "Ленинский" is no form of "Ленинск"
            if rest in KAZAKH or rest in RUSSIAN:
                return rest
        if self.base != self.full and coarse.startswith(self.base):
            rest = coarse[len(self.base) :]
            if rest in (ADJECTIVE if self.adjective else RUSSIAN) or (
                not rest and not self.adjective and self.full.endswith(("а", "еи"))
            ):
                return rest or "-"
        return None


@dataclass(frozen=True, slots=True)
class NameKey:
    """A name as it is looked up. ``needs_generic``: not believed without its generic word.

    ``joined``: all words as one; ``base``: the words without changing endings.
    """

    keys: tuple[Key, ...]
    needs_generic: bool
    joined: str
    base: str


_ADJECTIVE_ENDINGS = ("скаиа", "ское", "ски", "наиа", "ное", "ни", "ваиа", "вое", "лаиа", "лое")


def key_of(coarse: str) -> Key:
    """The key of one word of a name."""
    for ending in _ADJECTIVE_ENDINGS:
        if coarse.endswith(ending) and len(coarse) - len(ending) >= MIN_BASE:
            cut = len(ending) - (2 if ending.startswith("ск") else 1)
            return Key(coarse, coarse[:-cut], True)
    for ending in ("иа", "а", "и", "е", "о"):
        if coarse.endswith(ending) and len(coarse) - len(ending) >= MIN_BASE + 1:
            base = coarse[:-1] if ending == "иа" else coarse[: -len(ending)]
            return Key(coarse, base, False)
    return Key(coarse, coarse, False)


def name_key(name: str, kind: str) -> NameKey | None:
    """How a name is looked up; ``None`` when nothing is left without generic words."""
    forms = without_ordinals([f for f in words_of(name).forms if f.kind != "mark"])
    generic = GENERIC.get(kind, frozenset())
    plain = [f for f in forms if f.coarse not in generic]
    removed = len(plain) < len(forms)
    if kind in ("landmark", "highway") and len(plain) < 2:
        plain, removed = (forms, False) if kind == "landmark" else (plain, removed)
    if not plain or all(len(f.coarse) < 2 and f.kind != "number" for f in plain):
        return None
    adjective = any(key_of(f.coarse).adjective for f in plain)
    needs = all(f.kind == "number" for f in plain)
    if kind in ("region", "district"):
        needs = needs or not adjective
    if kind == "highway":
        needs = True
    keys = tuple(key_of(f.coarse) for f in plain)
    joined, base = "".join(k.full for k in keys), " ".join(k.base for k in keys)
    return NameKey(keys, needs, joined, base)


ALSO_WORDS = folded("бул")
"""Abbreviations that are common words without their full stop: "бұл" is Kazakh for "this"."""
IN_HONOUR = folded("им имени атындағы атындагы im imeni atyndagy")
"""Between a generic word and a name: "парк им. Ганди"."""
ORDINALS = frozenset(terms("й и ый ой ая го ом м ші шы ши шi інші ти тый shi shy iy y"))


def without_ordinals(forms: list[Form]) -> list[Form]:
    """ "8-й" as "8"."""
    return [
        form
        for index, form in enumerate(forms)
        if not (index and forms[index - 1].kind == "number" and form.raw.lower() in ORDINALS)
    ]


def generic_kinds(form: Form) -> tuple[str, ...]:
    """Kinds of which this word is a generic word."""
    return _GENERIC_KINDS.get(form.coarse, ())


_GENERIC_KINDS: dict[str, tuple[str, ...]] = {}
for _kind, _words in GENERIC.items():
    for _word in _words:
        _GENERIC_KINDS[_word] = (*_GENERIC_KINDS.get(_word, ()), _kind)
