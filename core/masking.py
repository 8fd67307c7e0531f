"""Hides phone numbers, ИИН and vehicle plates in text that people see.

The result has the same length as the text, so that offsets into it stay right.
"""

from __future__ import annotations

import re

HIDDEN = "•"
_GAP = r"[\s\-–—().\u00a0\u00ad\u200b-\u200d\u2060]{0,3}"

_LONG_NUMBER = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{11,18}}(?!\d)")
"""ИИН has 12 digits, a bank card 16 to 19."""
_PHONE = re.compile(
    rf"(?<!\d)(?:\+?{_GAP}[78]{_GAP})?(?:7\d\d|6\d\d){_GAP}\d{{3}}{_GAP}\d{{2}}{_GAP}\d{{2}}(?!\d)"
)
"""Kazakhstan's numbers: 7xx or 6xx and seven digits, with or without +7 or 8."""
_FOREIGN_PHONE = re.compile(rf"\+{_GAP}\d(?:{_GAP}\d){{8,13}}(?!\d)")
_SHORT_PHONE = re.compile(
    rf"(?:(?<=тел)|(?<=тел\.)|(?<=тел:)|(?<=tel)|(?<=☎)|(?<=📞))"
    rf"[\s.:]{{0,3}}\d(?:{_GAP}\d){{4,9}}(?!\d)",
    re.IGNORECASE,
)
_CITY_PHONE = re.compile(r"(?<![\d\-–])\d{2,3}[-–]\d{2}[-–]\d{2}(?![\d\-–])")
"""Six or seven digits as people write a city number: 27-15-44, 272-15-44."""
_UPPER = "[A-ZАВЕКМНОРСТУХІ]"
_ANY = "[A-Za-zАВЕКМНОРСТУХІавекмнорстухі]"
_PLATE = re.compile(
    rf"(?<!\w)(?:\d{{3}}[ \-]{_UPPER}{{2,3}}[ \-]?\d{{2}}|\d{{3}}{_ANY}{{2,3}}\d{{2}}"
    rf"|{_UPPER}[ \-]?\d{{3}}[ \-]?{_UPPER}{{2,3}}(?:[ \-]?\d{{2}})?"
    rf"|{_ANY}\d{{3}}{_ANY}{{2,3}})(?!\w)"
)
"""777 ABC 02 (since 2012) and A 123 BCD (before), in Latin letters or Cyrillic lookalikes.

With gaps only capitals count: "120 км 30" is no plate.
"""
_PATTERNS = (_LONG_NUMBER, _FOREIGN_PHONE, _PHONE, _SHORT_PHONE, _CITY_PHONE, _PLATE)


def mask(text: str) -> str:
    """The text with digits of phones and ИИН and all of a plate hidden; the length is kept."""
    for pattern in _PATTERNS[:-1]:
        text = pattern.sub(_hide_digits, text)
    return _PLATE.sub(_hide_all, text)


def _hide_digits(found: re.Match[str]) -> str:
    return "".join(HIDDEN if sign.isdigit() else sign for sign in found[0])


def _hide_all(found: re.Match[str]) -> str:
    return "".join(HIDDEN if sign.isalnum() else sign for sign in found[0])
