"""The rows' HTML, kept for all who read: the same row goes to every page that shows it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime

from jinja2 import Environment
from markupsafe import Markup

from console.rows import Row
from console.texts import Translate

KEPT = 6_000
"""Rows in all languages; about 1 kB each."""


class RowHtml:
    """Renders rows, each once a language. The age in it is brought up to date by the browser."""

    def __init__(self, pages: Environment) -> None:
        self._template = pages.get_template("_row.html")
        self._kept: OrderedDict[tuple[int, str], tuple[Row, Markup]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, row: Row, t: Translate, now: datetime) -> Markup:
        """The row as a list item; ``now`` is the time for its age (UTC)."""
        key = (id(row), t.lang)  # rows are kept by Reading and never change
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[0] is row:
            return kept[1]
        # Escaped by the template, so it is markup.
        html = Markup(self._template.render(t=t, lang=t.lang, row=row, now=now))  # noqa: S704
        with self._lock:
            self._kept[key] = (row, html)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return html
