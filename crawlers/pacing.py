"""How fast a host may be asked: a budget of requests an hour, a pause, and what the host asks for.

Pure but for the clock that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BURST_SHARE = 0.1
"""Part of an hour's budget that may be spent at once, for paging after an outage."""


@dataclass
class Budget:
    """A token bucket that never lets more than ``per_hour`` requests through in any hour.

    Of the budget, ``BURST_SHARE`` may be spent at once and the rest flows in evenly, so any window
    of an hour sees at most burst + flow = ``per_hour`` (at least one). Times are monotonic seconds.
    """

    per_hour: float
    pause_s: float = 0.0
    tokens: float = -1.0
    at_s: float = 0.0
    not_before_s: float = 0.0

    @property
    def burst(self) -> float:
        """Requests that may be made at once."""
        return max(1.0, self.per_hour * BURST_SHARE)

    @property
    def flow_per_s(self) -> float:
        """Requests a second that flow in."""
        return max((self.per_hour - self.burst) / 3600.0, 1e-6)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may be made."""
        self._flow(now_s)
        lacking = max(0.0, 1.0 - self.tokens) / self.flow_per_s
        return max(lacking, self.not_before_s - now_s, 0.0)

    def spend(self, now_s: float) -> None:
        """A request is being made."""
        self._flow(now_s)
        self.tokens -= 1.0
        self.not_before_s = max(self.not_before_s, now_s + self.pause_s)

    def hold(self, until_s: float) -> None:
        """The host asked for no request before then."""
        self.not_before_s = max(self.not_before_s, until_s)

    def _flow(self, now_s: float) -> None:
        if self.tokens < 0 and self.at_s == 0.0:
            self.tokens = self.burst
        elif now_s > self.at_s:
            self.tokens = min(self.burst, self.tokens + (now_s - self.at_s) * self.flow_per_s)
        self.at_s = max(self.at_s, now_s)


class Budgets:
    """A budget for each host, made when it is first asked."""

    def __init__(
        self, per_hour: Callable[[str], float], pause_s: float, clock_s: Callable[[], float]
    ) -> None:
        self._per_hour = per_hour
        self._pause_s = pause_s
        self._clock_s = clock_s
        self._hosts: dict[str, Budget] = {}
        self.spent: dict[str, int] = {}

    def of(self, host: str) -> Budget:
        """The budget of a host."""
        if host not in self._hosts:
            self._hosts[host] = Budget(self._per_hour(host), self._pause_s)
        return self._hosts[host]

    def wait_s(self, host: str) -> float:
        """Seconds until the host may be asked."""
        return self.of(host).wait_s(self._clock_s())

    def spend(self, host: str) -> None:
        """A request to the host is being made."""
        self.of(host).spend(self._clock_s())
        self.spent[host] = self.spent.get(host, 0) + 1

    def hold(self, host: str, seconds: float) -> None:
        """The host asked for patience."""
        self.of(host).hold(self._clock_s() + seconds)
