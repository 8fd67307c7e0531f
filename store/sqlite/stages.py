"""When each post and report passed the stages, and that it stood in the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from store.protocol import Audiences, Stages
from store.sqlite.database import KEPT, Database, across, kept, listed, per
from store.times import time_of, us


class StageTimes(Database):
    """Time stamps that belong to no version of a record."""

    def mark_shown(self, subjects: Mapping[str, datetime]) -> None:
        """See Protocol."""
        rows = [(us(at), subject) for subject, at in subjects.items()]
        if not rows:
            return
        with self._writing() as db:
            for audience in KEPT:
                db.executemany(
                    per(
                        audience,
                        "UPDATE member_@audience SET shown_us = max(?, correlated_us) "
                        "WHERE subject = ? AND shown_us IS NULL",
                    ),
                    rows,
                )

    def stages(self, subjects: Collection[str], audiences: Audiences) -> dict[str, Stages]:
        """See Protocol."""
        query = (
            "SELECT subject, min(assessed_us), min(correlated_us), min(shown_us) "
            "FROM assessment_@audience LEFT JOIN member_@audience USING (subject) "
            "WHERE subject IN (SELECT value FROM json_each(?)) GROUP BY subject"
        )
        with self._reading() as db:
            rows = across(db, kept(audiences), query, (listed(subjects),))
            return {
                name: Stages(*(None if at_us is None else time_of(at_us) for at_us in times))
                for _, (name, *times) in rows
            }
