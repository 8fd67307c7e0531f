"""Times and distances as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.texts import Translate
from core.errors import SettingsError

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def zone(name: str) -> tzinfo:
    """The time zone of that name; raises SettingsError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        if name == "UTC":
            return timezone(timedelta(0))
        raise SettingsError(
            f"console.time_zone: {name!r} is no time zone; as Asia/Almaty"
        ) from error


def moment(time: datetime, local: tzinfo, *, now: datetime | None = None) -> str:
    """Local date and time; of today (by ``now``) the time alone."""
    at = time.astimezone(local)
    if now is not None and at.date() == now.astimezone(local).date():
        return at.strftime("%H:%M:%S")
    return at.strftime("%d.%m.%Y %H:%M")


def span(seconds: float, t: Translate) -> str:
    """A length of time in its two largest units; the sign is dropped."""
    whole = round(abs(seconds))
    if whole < MINUTE_S:
        return t("time.s", n=whole)
    if whole < HOUR_S:
        return t("time.min", n=whole // MINUTE_S)
    if whole < DAY_S:
        return t("time.h_min", n=whole // HOUR_S, m=whole % HOUR_S // MINUTE_S)
    return t("time.d_h", n=whole // DAY_S, m=whole % DAY_S // HOUR_S)


def distance(metres: float, t: Translate) -> str:
    """A distance in metres, or in kilometres from 1,000 m."""
    if metres < 950:
        step = 10 if metres < 500 else 50
        return t("unit.m", n=max(step, round(metres / step) * step))
    if metres < 9_500:
        return t("unit.km", n=f"{metres / 1000:.1f}".removesuffix(".0"))
    return t("unit.km", n=round(metres / 1000))
