"""Which rule tells of which event, and when not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo

from console.rows import Level
from core.records import Category
from core.settings import AlertRule


@dataclass(frozen=True)
class News:
    """What a rule looks at. ``overdue``: nobody decided in time."""

    audience: str
    category: Category
    region: str | None
    level: Level
    overdue: bool = False


def applies(rule: AlertRule, news: News) -> bool:
    """Whether the rule is about this; a rule never hears of another audience's events."""
    if rule.audience != news.audience:
        return False
    if rule.categories and news.category not in rule.categories:
        return False
    if rule.regions and news.region not in rule.regions:
        return False
    if news.overdue:
        return rule.overdue
    return not rule.levels or news.level.value in rule.levels


def quiet(rule: AlertRule, news: News, now: datetime, local: tzinfo) -> bool:
    """Whether the rule keeps still now: in its quiet hours, but for what is urgent or overdue."""
    if rule.quiet is None or news.level is Level.URGENT or news.overdue:
        return False
    begin, end = (time.fromisoformat(part) for part in rule.quiet.split("-"))
    at = now.astimezone(local).time().replace(tzinfo=None)
    return begin <= at < end if begin <= end else at >= begin or at < end


def over_budget(sent: Sequence[datetime], now: datetime, per_hour: int) -> bool:
    """Whether one more alert would exceed ``per_hour`` in the hour before ``now``."""
    return sum(0 <= (now - at).total_seconds() < 3600 for at in sent) >= per_hour
