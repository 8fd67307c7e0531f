"""XML of strangers, read without entities, network or unbounded trees. Pure."""

from __future__ import annotations

import re

from lxml import etree  # type: ignore[import-untyped]

_TAGS = r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<(/?)(?:[\w.-]+:)?(?:{names})(?=[\s/>])[^>]*?(/?)>"


def xml_root(body: bytes, encoding: str | None = None) -> etree._Element | None:
    """The root of a document, mended where it is broken; ``None`` for what is no XML.

    ``encoding``: of a piece of a document, which does not say it itself.
    """
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        recover=True,
        huge_tree=False,
        load_dtd=False,
    )
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def pieces(body: bytes, *names: str) -> list[bytes]:
    """The bytes of each element with one of these local names, as they stand in the document.

    Elements that hold one another, and encodings that are no superset of ASCII, give pieces that do
    not fit the parsed elements; the caller compares their number.
    """
    tags = re.compile(_TAGS.format(names="|".join(names)).encode(), re.DOTALL)
    found: list[bytes] = []
    start: int | None = None
    for tag in tags.finditer(body):
        if tag[1] is None:
            continue
        if not tag[1] and not tag[2]:
            start = tag.start()
        elif start is not None or tag[2]:
            found.append(body[tag.start() if start is None else start : tag.end()])
            start = None
    return found


def first_text(element: etree._Element, *names: str) -> str | None:
    """Text of the first child with one of these local names, by the order of the names."""
    for name in names:
        for child in element:
            if local_name(child) == name:
                text = "".join(child.itertext()).strip()
                if text:
                    return text
    return None


def local_name(element: etree._Element) -> str:
    """Name without its namespace, declared or not; an empty string for comments."""
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""
