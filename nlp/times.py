"""Time expressions of a text, Russian and Kazakh, resolved against the time of posting.

The country keeps UTC+5 since 1 March 2024 (order of the Ministry of Trade, January 2024). Of
several expressions the most exact counts: a clock time refines a day, "20 минут назад" wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from nlp.reading import EventTime
from nlp.words import Form, Words, coarsen, fold_cyrillic

LOCAL = timezone(timedelta(hours=5))
MAX_CLOCK_AHEAD = timedelta(minutes=20)
"""A clock time this little ahead of posting is still today's: clocks differ."""


def _keys(words: str) -> frozenset[str]:
    return frozenset(coarsen(fold_cyrillic(w)) for w in words.split())


_JUST_NOW = _keys("сейчас щас ща щаз только қазір қазыр каз жаңа жанағы жаңағы")
_AGO = _keys("назад бұрын бурын алдын")
_UNITS: dict[str, timedelta] = {}
for _names, _span in (
    ("минут минуты минуту мин минута минутка", timedelta(minutes=1)),
    ("час часа часов сағат сагат саг", timedelta(hours=1)),
    ("день дня дней күн кун күні", timedelta(days=1)),
    ("неделя недели неделю недель апта", timedelta(days=7)),
    ("месяц месяца месяцев ай", timedelta(days=30)),
    ("год года лет жыл", timedelta(days=365)),
    ("сутки суток тәулік", timedelta(days=1)),
):
    for _name in _keys(_names):
        _UNITS[_name] = _span
_NUMBERS = {
    coarsen(fold_cyrillic(word)): value
    for word, value in {
        "один": 1, "одну": 1, "бір": 1, "два": 2, "две": 2, "екі": 2, "три": 3, "үш": 3,
        "четыре": 4, "төрт": 4, "пять": 5, "бес": 5, "шесть": 6, "алты": 6, "семь": 7, "жеті": 7,
        "восемь": 8, "сегіз": 8, "девять": 9, "тоғыз": 9, "десять": 10, "он": 10,
        "пятнадцать": 15, "двадцать": 20, "жиырма": 20, "тридцать": 30, "отыз": 30, "сорок": 40,
        "қырық": 40, "пару": 2, "пары": 2, "пара": 2, "несколько": 3, "бірнеше": 3, "полтора": 1.5,
        "бірекі": 2,
    }.items()
}  # fmt: skip
_HALF = _keys("полчаса пол жарты жарым")
_DAYS: dict[str, int] = {}
for _names, _back in (
    ("сегодня бүгін бугын бугун бугинги бүгінгі", 0),
    ("вчера вчерашний вчерашняя кеше кеші кешегі", 1),
    ("позавчера алдыңғыкүні бұрнағыкүні", 2),
    ("завтра ертең ертен", -1),
    ("послезавтра", -2),
):
    for _name in _keys(_names):
        _DAYS[_name] = _back
_PARTS: dict[str, tuple[int, bool]] = {}
for _names, _hour in (
    ("утром утра таңертең таңда таңғы танертен таң таңертеңгі", 8),
    ("днем днём днями күндіз түсте түскі обед обеда", 13),
    ("вечером вечера кешке кешкі кешқұрым", 19),
    ("ночью ночи түнде түнгі түні түн", 2),
):
    for _name in _keys(_names):
        _PARTS[_name] = (_hour, _name in _keys("ночью ночи түнде түнгі түні түн"))
_MONTHS: dict[str, int] = {}
for _number, _names in enumerate(
    (
        "январь января январе қаңтар қаңтарда", "февраль февраля феврале ақпан ақпанда",
        "март марта марте наурыз наурызда", "апрель апреля апреле сәуір сәуірде",
        "мая мае май мамыр мамырда", "июнь июня июне маусым маусымда",
        "июль июля июле шілде шілдеде", "август августа августе тамыз тамызда",
        "сентябрь сентября сентябре қыркүйек қыркүйекте", "октябрь октября октябре қазан қазанда",
        "ноябрь ноября ноябре қараша қарашада", "декабрь декабря декабре желтоқсан желтоқсанда",
    ),
    1,
):  # fmt: skip
    for _name in _keys(_names):
        _MONTHS[_name] = _number
_LAST = _keys("прошлом прошлой прошлый прошлую прошлым өткен откен былтыр былтырғы")
_LAST_YEAR = _keys("былтыр былтырғы прошлогодняя прошлогодний прошлогоднее прошлогодней")
_CLOCK_BEFORE = _keys("в во около к сағат сагат саат примерно с")
_CLOCK = re.compile(r"^([01]?\d|2[0-3])$")


@dataclass(frozen=True)
class _Found:
    """A time with how exact it is (the smaller the finer)."""

    at: datetime
    rank: int


def read_time(words: Words, at: datetime) -> EventTime:
    """What a text posted at ``at`` (UTC) says of when it happened."""
    forms = words.forms
    local = at.astimezone(LOCAL)
    found: list[_Found] = []
    found += _ago(forms, local)
    days = [_DAYS[f.coarse] for f in forms if f.coarse in _DAYS]
    clock = _clock(forms)
    part = next(
        (
            _PARTS[f.coarse]
            for i, f in enumerate(forms)
            if f.coarse in _PARTS and not (i and forms[i - 1].kind == "number")
        ),
        None,
    )
    date = _date(forms, local)
    future = bool(days) and max(days) < 0 and min(days) < 0 and not any(d >= 0 for d in days)
    if date is not None:
        found.append(_Found(_with_clock(date, clock, part), 3))
        future = future or date.date() > local.date()
    elif days and days[0] >= 0:
        day = local - timedelta(days=days[0])
        if days[0] == 0 and clock is None and part is None:
            found.append(_Found(local, 6))
        else:
            found.append(_Found(_bounded(_with_clock(day, clock, part), local, days[0]), 3))
    elif clock is not None and not future:
        found.append(_Found(_bounded(_with_clock(local, clock, None), local, 0), 2))
    elif part is not None and not future:
        found.append(_Found(_bounded(_with_clock(local, None, part), local, 0), 5))
    old = _old(forms, local)
    if old is not None:
        found.append(_Found(old, 4))
    if any(f.coarse in _JUST_NOW for f in forms):
        found.append(_Found(local, 5 if days and days[0] == 0 else 4 if not found else 7))
    if not found:
        return EventTime(future=future)
    best = min(found, key=lambda f: f.rank).at
    age_h = (local - best).total_seconds() / 3600
    if old is not None:
        age_h = max(age_h, (local - old).total_seconds() / 3600)
    if age_h < -1:
        return EventTime(future=True)
    return EventTime(min(best, local).astimezone(at.tzinfo), max(age_h, 0.0), future)


def _ago(forms: Sequence[Form], local: datetime) -> list[_Found]:
    """ "20 минут назад", "жарты сағат бұрын", "два часа назад"."""
    found: list[_Found] = []
    for index, form in enumerate(forms):
        if form.coarse not in _AGO:
            continue
        unit = forms[index - 1].coarse if index else ""
        if unit in _HALF:
            found.append(_Found(local - timedelta(minutes=30), 1))
            continue
        if unit not in _UNITS:
            continue
        before = forms[index - 2] if index > 1 else None
        count = 1.0
        if before is not None:
            if before.kind == "number" and len(before.raw) <= 3:
                count = float(before.raw)
            elif before.coarse in _HALF:
                count = 0.5
            else:
                count = float(_NUMBERS.get(before.coarse, 1))
        span = min(_UNITS[unit] * count, timedelta(days=36_500))
        found.append(_Found(local - span, 1))
    return found


def _clock(forms: Sequence[Form]) -> tuple[int, int] | None:
    """ "в 14:30", "сағат 8-де", "в 3 часа ночи", "таңғы 8де"."""
    for index, form in enumerate(forms):
        if form.kind != "number" or not _CLOCK.match(form.raw):
            continue
        hour, minute = int(form.raw), 0
        after = forms[index + 1 : index + 4]
        before = forms[index - 1].coarse if index else ""
        exact = False
        if len(after) > 1 and re.fullmatch(r"[0-5]\d", after[1].raw):
            exact = after[0].raw == ":" or (after[0].raw == "." and before in _CLOCK_BEFORE)
            minute = int(after[1].raw) if exact else 0
        part = next((f.coarse for f in after[:3] if f.coarse in _PARTS), "")
        part = part or (before if before in _PARTS else "")
        spoken = before in _CLOCK_BEFORE and any(
            _UNITS.get(f.coarse) == timedelta(hours=1) for f in after[:1]
        )
        kazakh = any(f.coarse in ("де", "да", "те", "та", "ден", "дан") for f in after[:2]) and (
            before in _PARTS or before in _CLOCK_BEFORE
        )
        if not (exact or part or spoken or kazakh):
            continue
        if before in _AGO or any(f.coarse in _AGO for f in after):
            continue
        if not exact and part and not (spoken or kazakh or before in _PARTS):
            continue
        if part and hour < 12 and _PARTS[part][0] >= 13:
            hour += 12
        return hour % 24, minute
    return None


def _date(forms: Sequence[Form], local: datetime) -> datetime | None:
    """ "5 марта", "5 наурыз", "в марте 2024", "5.03.2024", "в 2019 году": the day's beginning."""
    for index, form in enumerate(forms):
        if form.coarse not in _MONTHS or not index:
            continue
        before = forms[index - 1]
        if before.raw == "-" and index > 1:
            before = forms[index - 2]
        year = _year_near(forms, index)
        if before.kind == "number" and 1 <= int(before.raw) <= 31:
            return _day(local, year, _MONTHS[form.coarse], int(before.raw))
        if year is not None:
            return _day(local, year, _MONTHS[form.coarse], 1)
    return None


def _year_near(forms: Sequence[Form], index: int) -> int | None:
    for form in forms[max(0, index - 3) : index + 3]:
        if form.kind == "number" and len(form.raw) == 4 and 1900 <= int(form.raw) <= 2100:
            return int(form.raw)
    return None


def _day(local: datetime, year: int | None, month: int, day: int) -> datetime | None:
    """The day of that name that lies nearest to posting when no year is said."""
    best: datetime | None = None
    for candidate in [year] if year is not None else [local.year, local.year - 1, local.year + 1]:
        try:
            there = local.replace(
                year=candidate, month=month, day=day, hour=0, minute=0, second=0, microsecond=0
            )
        except ValueError:
            continue
        if best is None or abs(there - local) < abs(best - local):
            best = there
    return best


def _old(forms: Sequence[Form], local: datetime) -> datetime | None:
    """A past year or "прошлой весной", "былтыр", "өткен апта": about when."""
    for index, form in enumerate(forms):
        if form.kind == "number" and len(form.raw) == 4 and 1900 <= int(form.raw) < local.year:
            following = forms[index + 1].coarse if index + 1 < len(forms) else ""
            joined = index + 2 < len(forms) and forms[index + 1].raw == "-"
            before = forms[index - 1].coarse if index else ""
            if following.startswith(("год", "гг", "жил")) or joined or before in ("в", "с", "г"):
                return local.replace(year=int(form.raw), month=7, day=1)
        if form.coarse in _LAST_YEAR:
            return local - timedelta(days=365)
        if form.coarse in _LAST and index + 1 < len(forms):
            unit = forms[index + 1].coarse
            for name, span in _UNITS.items():
                if unit == name or (len(name) > 2 and unit.startswith(name[:4])):
                    return local - span
            if unit.startswith(("весн", "лет", "осен", "зим", "коктем", "жаз", "куз", "кис")):
                return local - timedelta(days=270)
            if unit.startswith(
                ("сеисенб", "бесенб", "жум", "сенб", "дуисенб", "жексенб", "серсенб")
            ):
                return local - timedelta(days=5)
    return None


def _with_clock(
    day: datetime, clock: tuple[int, int] | None, part: tuple[int, bool] | None
) -> datetime:
    if clock is not None:
        return day.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    if part is not None:
        return day.replace(hour=part[0], minute=0, second=0, microsecond=0)
    return day.replace(hour=12, minute=0, second=0, microsecond=0)


def _bounded(when: datetime, local: datetime, days_back: int) -> datetime:
    """Not in the future: "вечером" said at noon is yesterday's, "вчера ночью" is last night."""
    if days_back == 1 and when.hour <= 5:
        later = when + timedelta(days=1)
        return later if later <= local else when
    if days_back == 0 and when > local + MAX_CLOCK_AHEAD:
        return when - timedelta(days=1) if when - local > timedelta(hours=3) else local
    return when
