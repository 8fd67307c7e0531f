"""Probabilities and their log-odds (natural logarithm)."""

from __future__ import annotations

from math import exp, log


def logistic(log_odds: float) -> float:
    """Probability of log-odds, without overflow."""
    if log_odds >= 0.0:
        return 1.0 / (1.0 + exp(-min(log_odds, 700.0)))
    odds = exp(max(log_odds, -700.0))
    return odds / (1.0 + odds)


def log_odds(probability: float) -> float:
    """Log-odds of a probability, kept within those of 1e-9 and 1 - 1e-9."""
    p = min(1.0 - 1e-9, max(1e-9, probability))
    return log(p / (1.0 - p))
