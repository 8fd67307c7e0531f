"""The garbage collector of a process that holds much for long."""

from __future__ import annotations

import gc

THRESHOLDS = (20_000, 20, 20)
"""Objects made until it looks at the young ones; looks until it looks at older ones."""


def leave_what_is_here() -> None:
    """Have it never look again at what is in memory now, models above all, and look less often.

    What nobody refers to any more is freed at once as before; cycles among the objects of now
    would stay.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
