"""Backup by snapshot, and bringing one back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from core.errors import StoreError
from store.elasticsearch.base import Base
from store.elasticsearch.connection import translated

JOURNAL = "-journal"
HOUR_S = 3600.0


class Snapshots(Base):
    """Snapshots of all our indices, each taken while everything goes on."""

    def register(self, folder: Path) -> None:
        """Name the shared folder that snapshots go to; every node has it in ``path.repo``."""
        with translated():
            self._client.snapshot.create_repository(
                name=self._settings.snapshot_repository,
                repository={"type": "fs", "settings": {"location": str(folder)}},
            )

    def snapshot(self, now: datetime) -> str:
        """Take a snapshot and wait for it; its name. Raises StoreError when it is not whole.

        First everything but the journal, then the journal: it then knows of every write that the
        first part may have caught, and a restore brings all of them to the same position.
        """
        name = f"{self._names.prefix}-{now.strftime('%Y%m%d-%H%M%S')}"
        journal = f"{self._names.pipeline('journal')}-v*"
        position = self._journal.hold()
        try:
            everything = f"{self._names.prefix}-*,-{journal}"
            self._take(name, everything, {"position": position})
            self._take(f"{name}{JOURNAL}", journal, {})
        finally:
            self._journal.release()
        return name

    def snapshots(self) -> list[str]:
        """Names of our snapshots, oldest first."""
        with translated():
            answer = self._client.snapshot.get(
                repository=self._settings.snapshot_repository, snapshot=f"{self._names.prefix}-*"
            )
        names = [found["snapshot"] for found in answer["snapshots"]]
        return [name for name in names if f"{name}{JOURNAL}" in names]

    def restore(self, name: str) -> None:
        """Bring a snapshot back into a cluster that has none of our indices.

        Raises StoreError when there are some: a restore never overwrites.
        """
        with translated():
            held = self._client.indices.get(index=f"{self._names.prefix}-*", allow_no_indices=True)
            if held:
                raise StoreError(
                    f"{len(held)} indices {self._names.prefix}-* exist; stop all parts, delete or "
                    "rename them, then restore"
                )
            kept = self._client.snapshot.get(
                repository=self._settings.snapshot_repository, snapshot=name
            )
        for part in (name, f"{name}{JOURNAL}"):
            with translated():
                self._client.options(request_timeout=HOUR_S).snapshot.restore(
                    repository=self._settings.snapshot_repository,
                    snapshot=part,
                    indices=f"{self._names.prefix}-*",
                    include_global_state=False,
                    wait_for_completion=True,
                )
        self._indices.forget()
        self._journal.release()
        self._journal.recover(int(kept["snapshots"][0]["metadata"]["position"]))

    def _take(self, name: str, indices: str, metadata: dict[str, int]) -> None:
        with translated():
            answer = self._client.options(request_timeout=HOUR_S).snapshot.create(
                repository=self._settings.snapshot_repository,
                snapshot=name,
                indices=indices,
                include_global_state=False,
                metadata=metadata,
                wait_for_completion=True,
            )
        state = answer["snapshot"]["state"]
        if state != "SUCCESS":
            raise StoreError(f"snapshot {name} is {state}; see the cluster's log and take another")
