"""Names of indices: who may read them stands in front, so that a privilege is a prefix.

``<prefix>-<audience>-<kind>-<period>`` is an alias of exactly one index of that name with the
templates' version behind it, so that ``migration`` can change the index under a running system.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.ids import digest
from core.records import Audience

Period = Literal["day", "month"]
_FORMATS: dict[str, str] = {"day": "%Y.%m.%d", "month": "%Y.%m"}
MAX_ID_BYTES = 480
"""Elasticsearch takes 512."""
PIPELINE = "pipeline"
"""In the audience's place: what only the pipeline may read."""
TIMED = frozenset({"posts", "raw", "reports", "events", "versions"})
"""Kinds with an index a period; the others have one index."""


def document_id(name: str) -> str:
    """The id of a document: its name, or where Elasticsearch finds that too long its digest.

    Ids of reports come from outside, up to 300 characters of any script.
    """
    return name if len(name.encode()) <= MAX_ID_BYTES else digest(name)


@dataclass(frozen=True)
class Names:
    """``prefix`` is that of all names; ``period`` is the span of one timed index."""

    prefix: str
    period: Period = "month"

    def suffix(self, accepted_at: datetime) -> str:
        """The period of a time. It is taken from our clock, so input cannot make indices."""
        return accepted_at.strftime(_FORMATS[self.period])

    def pipeline(self, kind: str) -> str:
        """An index of the pipeline."""
        return f"{self.prefix}-{PIPELINE}-{kind}"

    def of(self, audience: Audience, kind: str, suffix: str = "") -> str:
        """An index of an audience: that of a period when the kind is timed."""
        name = f"{self.prefix}-{audience.value}-{kind}"
        return f"{name}-{suffix}" if suffix else name

    def all_of(self, audience: Audience, kind: str) -> str:
        """All indices of a kind: a name or a pattern."""
        return self.of(audience, kind, "*" if kind in TIMED else "")

    def analysts(self, name: str) -> list[str]:
        """Aliases by which people find an index: ``oqiga-posts``, ``oqiga-confidential-posts``."""
        audience, kind = self.parts(name)
        if audience == Audience.OPEN.value:
            return [f"{self.prefix}-{kind}"]
        return [f"{self.prefix}-{audience}-{kind}-all"]

    def parts(self, name: str) -> tuple[str, str]:
        """Audience and kind of an index."""
        audience, kind = name.removeprefix(f"{self.prefix}-").split("-")[:2]
        return audience, kind

    def group(self, name: str) -> str:
        """Audience and kind as one word: what is refreshed together."""
        return "-".join(self.parts(name))
