"""The console's words in Russian, Kazakh and English, one JSON file a language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

LANGUAGES = ("ru", "kk", "en")
DEFAULT_LANGUAGE = "ru"
FOLDER = Path(__file__).parent / "i18n"


class Translate(Protocol):
    """Gives the words for a key in one language."""

    lang: str

    def __call__(self, key: str, /, **values: object) -> str:
        """The text with ``values`` filled in; KeyError for an unknown key."""
        ...

    def known(self, key: str, fallback: str) -> str:
        """The text, or ``fallback`` where another stage uses a name that has none."""
        ...

    def all(self, prefix: str) -> dict[str, str]:
        """All texts whose key begins so: what the browser's modules need."""
        ...


class Catalogue:
    """All words of one language."""

    def __init__(self, lang: str, texts: dict[str, str]) -> None:
        self.lang = lang
        self._texts = texts

    def __call__(self, key: str, /, **values: object) -> str:
        """The text with ``values`` filled in; KeyError for an unknown key."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def known(self, key: str, fallback: str) -> str:
        """The text, or ``fallback`` where there is none."""
        return self._texts.get(key, fallback)

    def all(self, prefix: str) -> dict[str, str]:
        """All texts whose key begins with ``prefix``."""
        return {key: text for key, text in self._texts.items() if key.startswith(prefix)}


def load_texts(folder: Path = FOLDER) -> dict[str, Translate]:
    """The catalogues of all languages."""
    return {
        lang: Catalogue(lang, json.loads((folder / f"{lang}.json").read_text(encoding="utf-8")))
        for lang in LANGUAGES
    }
