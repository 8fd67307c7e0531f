"""The Common Alerting Protocol 1.2 (OASIS standard of 1 July 2010): a card as an alert."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from console.card import Card, expires_at
from console.rows import Level
from console.texts import Translate
from core.records import Category

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SENDER = "oqiga"
CATEGORIES: dict[Category, tuple[str, ...]] = {
    Category.THREAT_TO_LIFE: ("Rescue", "Safety"),
    Category.ROAD_CRASH: ("Transport",),
    Category.DRUNK_DRIVING: ("Transport", "Security"),
    Category.FIRE_EMERGENCY: ("Fire",),
    Category.MISSING_PERSON: ("Rescue",),
    Category.DRUGS: ("Security", "Health"),
    Category.NONE: ("Other",),
}
"""CAP's categories of ours; all others are Security."""
LANGUAGES = {"ru": "ru-KZ", "kk": "kk-KZ", "en": "en-US"}
SEVERITIES = {Level.URGENT: "Severe", Level.RAISED: "Moderate", Level.CALM: "Minor"}
EXTREME = frozenset({Category.THREAT_TO_LIFE, Category.WEAPON})
LIKELY_FROM = 0.5
"""The standard calls an event likely from a probability of one half on."""
FRESH = timedelta(hours=1)
PAST = timedelta(hours=24)
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def identifier(event_id: str, version: int) -> str:
    """The alert's id: one a version, with no sign that CAP forbids."""
    return f"oqiga-{event_id}-{version}"


def cap_alert(card: Card, now: datetime, texts: Iterable[Translate], status: str = "Actual") -> str:
    """The alert as an XML document, one ``info`` a language.

    ``status``: Actual, Exercise or Test. A later version of an event updates the one before.
    """
    alert = ET.Element("alert", {"xmlns": NAMESPACE})
    _add(alert, "identifier", identifier(card.event_id, card.version))
    _add(alert, "sender", SENDER)
    _add(alert, "sent", cap_time(card.updated_at))
    _add(alert, "status", status)
    _add(alert, "msgType", "Update" if card.previous else "Alert")
    _add(alert, "scope", "Restricted")
    _add(alert, "restriction", "102")
    if card.previous:
        version, at = card.previous
        _add(alert, "references", f"{SENDER},{identifier(card.event_id, version)},{cap_time(at)}")
    for t in texts:
        _info(alert, card, now, t)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(alert, encoding="unicode")


def cap_time(time: datetime) -> str:
    """A time as CAP wants it: whole seconds, a numeric offset, never Z."""
    return time.astimezone(UTC).replace(microsecond=0).isoformat()


def _info(alert: ET.Element, card: Card, now: datetime, t: Translate) -> None:
    info = ET.SubElement(alert, "info")
    _add(info, "language", LANGUAGES[t.lang])
    for category in CATEGORIES.get(card.category, ("Security",)):
        _add(info, "category", category)
    _add(info, "event", t(f"category.{card.category}"))
    _add(info, "responseType", "Assess")
    _add(info, "urgency", _urgency(card, now))
    _add(info, "severity", "Extreme" if card.category in EXTREME else SEVERITIES[card.level])
    _add(info, "certainty", _certainty(card))
    _add(info, "onset", cap_time(card.started_at))
    _add(info, "expires", cap_time(expires_at(card)))
    _add(info, "senderName", t("app.name"))
    if card.headline:
        _add(info, "headline", card.headline[:160])
    if card.quotes:
        _add(info, "description", "\n\n".join(quote.text for quote in card.quotes))
    web = next((quote.url for quote in card.quotes if quote.url), None)
    if web:
        _add(info, "web", web)
    _parameter(info, "probability", f"{card.incident:.3f}")
    _parameter(info, "report_state", card.state.value)
    _area(info, card, t)


def _area(info: ET.Element, card: Card, t: Translate) -> None:
    area = ET.SubElement(info, "area")
    town = card.town[t.lang] if card.town else None
    names = dict.fromkeys(part for part in (town, card.place) if part)
    _add(area, "areaDesc", ", ".join(names) or t("row.no_place"))
    if card.location:
        at = card.location
        _add(area, "circle", f"{at.lat:.5f},{at.lon:.5f} {at.radius_m / 1000:.3f}")


def _parameter(info: ET.Element, name: str, value: str) -> None:
    parameter = ET.SubElement(info, "parameter")
    _add(parameter, "valueName", name)
    _add(parameter, "value", value)


def _urgency(card: Card, now: datetime) -> str:
    age = now - card.last_at
    if age > PAST:
        return "Past"
    return "Immediate" if age <= FRESH else "Expected"


def _certainty(card: Card) -> str:
    if card.confirmed is not None:
        return "Observed"
    return "Likely" if card.incident >= LIKELY_FROM else "Possible"


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)
