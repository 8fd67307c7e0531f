"""Hiding phone numbers, ИИН and vehicle plates in text that people read."""

from __future__ import annotations

import re

MASK = "•"

_PHONE = r"(?<!\d)(?:\+?7|8)[\s\-(]*\d{3}[\s\-)]*\d{3}[\s\-]*\d{2}[\s\-]*\d{2}(?!\d)"
_IIN = r"(?<!\d)\d{12}(?!\d)"
_LETTERS = "A-Za-zАВЕКМНОРСТУХавекмнорстух"
_PLATE_2012 = rf"(?<!\w)\d{{3}}\s?[{_LETTERS}]{{2,3}}\s?\d{{2}}(?!\w)"
_PLATE_1993 = rf"(?<!\w)[{_LETTERS}]\s?\d{{3}}\s?[{_LETTERS}]{{3}}(?!\w)"
_PERSONAL = re.compile("|".join((_PHONE, _IIN, _PLATE_2012, _PLATE_1993)))


def masked(text: str) -> str:
    """The text with letters and digits of phone numbers, ИИН and plates replaced by dots.

    Length and every offset stay the same, so that highlights still fit. Plates are those of
    Kazakhstan of 2012 (000 AAA 00) and before (A 000 AAA).
    """
    return _PERSONAL.sub(lambda m: re.sub(r"\w", MASK, m[0]), text)
