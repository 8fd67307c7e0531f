"""Bringing indices to the newest templates while everything goes on.

One index after the other: it is copied; writes to it are held back for the moment in which the
journal's newer writes are brought to the copy; then its alias moves. Readers notice nothing,
writers wait that moment.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from elasticsearch.helpers import scan

from core.errors import StoreError
from store.elasticsearch import templates
from store.elasticsearch.base import Base
from store.elasticsearch.bulk import Operation, write_bulk
from store.elasticsearch.connection import Source, translated
from store.elasticsearch.keys import with_keys
from store.elasticsearch.transaction import addressed, to_json

log = logging.getLogger(__name__)
HOUR_S = 3600.0
KEYED = frozenset({"posts", "reports"})
"""Kinds whose documents get keys that Elasticsearch cannot make by itself."""
PAGE = 500
THREADS = 2
Say = Callable[[str], object]


class Migration(Base):
    """``oqiga store migrate``."""

    def migrate(self, say: Say = lambda _: None) -> list[str]:
        """Put the templates and bring every index to them; names of the indices made.

        May be stopped and run again. Parts of an older version may go on meanwhile as long as the
        new templates accept what they write; the change log says when not.
        """
        if self._version():
            self._need_dims()
        templates.install(self._client, self._names, self._settings)
        self._prepared = True
        made = []
        for alias, old in self._outdated().items():
            say(f"{old} -> {templates.concrete(alias)}")
            self._move(alias, old)
            made.append(templates.concrete(alias))
        self.set_up()
        return made

    # -- inside -----------------------------------------------------------------------------

    def _outdated(self) -> dict[str, str]:
        """Index behind each alias that is not of the newest version."""
        with translated():
            found = self._client.indices.get_alias(index=f"{self._names.prefix}-*")
        return {
            addressed(index): index
            for index, about in sorted(found.items())
            if addressed(index) in about["aliases"]
            and index != templates.concrete(addressed(index))
        }

    def _move(self, alias: str, old: str) -> None:
        new = templates.concrete(alias)
        position = self._journal.hold()
        try:
            self._copy(old, new)
            if alias == self._names.pipeline("journal"):
                self._swap_journal(alias, old, new)
            else:
                self._swap(alias, old, new, position)
        finally:
            self._journal.release()
        with translated():
            self._client.indices.delete(index=old)
        log.info("migrated %s to %s", old, new)

    def _copy(self, old: str, new: str) -> None:
        """Copy documents with their versions; what is there already and newer stays."""
        with translated():
            self._client.indices.refresh(index=old)
            if not self._client.indices.exists(index=new):
                self._client.indices.create(index=new)
        if self._names.parts(old)[1] in KEYED:
            self._copy_with_keys(old, new)
        else:
            self._copy_as_it_is(old, new)

    def _copy_as_it_is(self, old: str, new: str) -> None:
        with translated():
            answer = self._client.options(request_timeout=HOUR_S).reindex(
                source={"index": old, "size": 1000},
                dest={"index": new, "version_type": "external"},
                conflicts="proceed",
                wait_for_completion=True,
                refresh=True,
            )
        if answer["failures"]:
            raise StoreError(
                f"{len(answer['failures'])} documents of {old} do not fit the new template; first: "
                f"{answer['failures'][0].get('cause', {}).get('type')}"
            )

    def _copy_with_keys(self, old: str, new: str) -> None:
        def held() -> Iterator[Operation]:
            for hit in scan(self._client, index=old, query={"version": True}, size=PAGE):
                yield Operation(new, hit["_id"], _keyed(hit["_source"]), hit["_version"])

        with translated():
            refused = write_bulk(self._client, held(), threads=THREADS, by_alias=False)
            self._client.indices.refresh(index=new)
        if refused:
            raise StoreError(
                f"{len(refused)} documents of {old} do not fit the new template; first: "
                f"{refused[0].problem}"
            )

    def _swap(self, alias: str, old: str, new: str, position: int) -> None:
        with translated():
            self._client.indices.add_block(index=old, block="write")
        try:
            newer = [
                replace(operation, index=new, source=self._renewed(operation))
                for operation in self._journal.operations_since(position)
                if operation.index == alias
            ]
            refused = write_bulk(self._client, newer, by_alias=False)
            if refused:
                raise StoreError(f"{old}: {len(refused)} new documents do not fit the template")
            self._move_aliases(alias, old, new)
        except BaseException:
            self._let_write(old)
            raise

    def _renewed(self, operation: Operation) -> str | None:
        """What was written meanwhile, perhaps by a part of an older version."""
        if operation.source is None or self._names.parts(operation.index)[1] not in KEYED:
            return operation.source
        return _keyed(json.loads(operation.source))

    def _swap_journal(self, alias: str, old: str, new: str) -> None:
        """The journal is copied once more while nobody writes to it: nothing else knows of it."""
        with translated():
            self._client.indices.add_block(index=old, block="write")
        try:
            self._copy(old, new)
            self._move_aliases(alias, old, new)
        except BaseException:
            self._let_write(old)
            raise

    def _move_aliases(self, alias: str, old: str, new: str) -> None:
        """All at once: no reader sees both or neither."""
        with translated():
            held = self._client.indices.get_alias(index=old)[old]["aliases"]
            actions: list[dict[str, Any]] = []
            for name in held:
                extra = {"is_write_index": True} if name == alias else {}
                actions.append({"remove": {"index": old, "alias": name}})
                actions.append({"add": {"index": new, "alias": name, **extra}})
            self._client.indices.update_aliases(actions=actions)

    def _let_write(self, old: str) -> None:
        with translated():
            self._client.indices.put_settings(index=old, settings={"index.blocks.write": None})


def _keyed(source: Source) -> str:
    return to_json(with_keys(source))
