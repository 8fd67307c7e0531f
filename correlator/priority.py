"""Priority: severity × probability × chance that 102 does not know × freshness, all in [0, 1]."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from core.records import Category, PriorityFactor

SEVERITY: dict[Category, float] = {
    Category.THREAT_TO_LIFE: 1.0,
    Category.WEAPON: 1.0,
    Category.FIRE_EMERGENCY: 0.95,
    Category.DOMESTIC_VIOLENCE: 0.9,
    Category.VIOLENCE: 0.9,
    Category.MISSING_PERSON: 0.9,
    Category.DRUNK_DRIVING: 0.85,
    Category.ROAD_CRASH: 0.75,
    Category.SUSPICIOUS_PERSON: 0.65,
    Category.POLICE_CORRUPTION: 0.65,
    Category.THEFT_ROBBERY: 0.6,
    Category.DRUGS: 0.55,
    Category.ANIMAL_CRUELTY: 0.5,
    Category.HOOLIGANISM: 0.5,
    Category.NONE: 0.1,
}
"""How bad it is to come an hour late, by hand: danger to life, to health, to property."""

HALF_LIFE_H: dict[Category, float] = {
    Category.MISSING_PERSON: 48.0,
    Category.FIRE_EMERGENCY: 4.0,
    Category.DRUNK_DRIVING: 1.0,
    Category.POLICE_CORRUPTION: 24.0,
    Category.THEFT_ROBBERY: 12.0,
}
"""Hours after which coming is worth half as much; others: three hours."""
DEFAULT_HALF_LIFE_H = 3.0
FRESHNESS_STEPS = 20


def priority(
    *,
    category: Category,
    urgency: float,
    incident: float,
    unknown_to_102: float,
    last_at: datetime,
    now: datetime,
) -> tuple[float, tuple[PriorityFactor, ...]]:
    """Priority in [0, 1] and its factors. Urgency moves severity by up to a third."""
    severity = SEVERITY[category] * (0.67 + 0.33 * urgency)
    hours = max(0.0, (now - last_at).total_seconds() / 3600.0)
    fresh = 0.5 ** (hours / HALF_LIFE_H.get(category, DEFAULT_HALF_LIFE_H))
    # in steps, so that the mere passing of time does not make a new version every second
    fresh = round(fresh * FRESHNESS_STEPS) / FRESHNESS_STEPS
    value = severity * incident * unknown_to_102 * fresh
    factors = (
        _factor("severity", round(severity, 4)),
        _factor("incident", round(incident, 4)),
        _factor("unknown_to_102", round(unknown_to_102, 4)),
        _factor("freshness", round(fresh, 4)),
    )
    return min(1.0, max(0.0, value)), factors


@lru_cache(maxsize=32_768)
def _factor(name: str, value: float) -> PriorityFactor:
    """The same ones over and over: most posts are as little an incident as others."""
    return PriorityFactor(name=name, value=value)
