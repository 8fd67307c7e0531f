"""XML of strangers, read without entities, network or unbounded trees. Pure."""

from __future__ import annotations

from lxml import etree  # type: ignore[import-untyped]

_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, recover=True, huge_tree=False, load_dtd=False
)


def xml_root(body: bytes) -> etree._Element | None:
    """The root of a document, mended where it is broken; ``None`` for what is no XML."""
    try:
        return etree.fromstring(body, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        return None


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
    """Name without its namespace; an empty string for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
