"""Payloads are the very bytes that were served, whatever a platform's own way of writing them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import RawPost, Selectors, Source
from crawlers.feed import FeedReader
from crawlers.found import Found
from crawlers.graph import Graph
from crawlers.instagram import InstagramReader
from crawlers.site import SiteReader
from crawlers.slices import elements, json_text
from crawlers.threads import ThreadsReader
from crawlers.vk import VkReader
from crawlers.web import Answer, Ask, Pass, WebReader

from .conftest import NOW

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)


@given(
    st.lists(OBJECTS | VALUES, max_size=4),
    OBJECTS,
    st.sampled_from([None, 1]),
    st.booleans(),
    st.sampled_from([(",", ":"), (" ,\n", "\t: ")]),
)
def test_elements_are_found_with_their_own_bytes(
    items: list[Any],
    around: dict[str, Any],
    indent: int | None,
    ascii: bool,
    marks: tuple[str, str],
) -> None:
    body = {**around, "response": {**around, "items": items}}
    text = json.dumps(body, indent=indent, ensure_ascii=ascii, separators=marks)
    found = list(elements(text, "response", "items"))
    assert [value for value, _ in found] == [item for item in items if isinstance(item, dict)]
    for value, payload in found:
        assert payload.decode() in text
        assert json.loads(payload) == value


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert [value for value, _ in elements('{"a":[{"n":1}],"a":[{"n":2}]}', "a")] == [{"n": 2}]


@pytest.mark.parametrize("text", ['{"a":1}', '{"a":{}}', "[]", '{"b":[{}]}', '{"a":null}', "3"])
def test_where_no_array_is_there_are_no_elements(text: str) -> None:
    assert list(elements(text, "a")) == []


def test_other_encodings_are_no_json_between_programs() -> None:
    assert json_text('\ufeff{"a":1}'.encode()) == '{"a":1}'
    with pytest.raises(ValueError, match="decode"):
        json_text('{"a":"я"}'.encode("cp1251"))


VK_BODY = rb"""{"response" : {"count":2, "items":[ {"id":7 ,"owner_id":-77,"from_id":-77,
  "date":1774000000, "text":"\u0410\u0432\u0430\u0440\u0438\u044f", "likes":{"x":1.50e1}} ]}}"""
VK_COMMENTS = rb"""{"response":{"items":[{"id":1,"from_id":5,"date":1774000001,"text":"\u0430",
  "thread":{"count":1,"items":[ {"id":2, "from_id":6 ,"date":1774000002,"text":"b\/c"} ]}}]}}"""
GRAPH_ITEM = rb"""{ "timestamp":"2026-03-20T14:05:00+0000",
  "id":"180", "caption" : "\u0434\u0442\u043f",
  "text":"\u0434\u0442\u043f", "media_url":"https:\/\/x.example\/1.jpg"}"""


def _read(reader: WebReader, source: Source, body: bytes, **ask: Any) -> tuple[Found, ...]:
    answer = Answer(
        Ask(source.address, **ask), source.address, 200, body, "utf-8", "text/html", NOW
    )
    found = reader.read(Pass(source, {}), answer).found
    assert found
    for item in found:
        assert item.payload in body
        raw = RawPost(id="r", source=source.name, native_id=item.native_id, url=item.url,
                      fetched_at=NOW, media_type=item.media_type, payload=item.payload,
                      parser=item.parser)  # fmt: skip
        assert reader.again(raw, source, NOW) == item, "the kept bytes alone give the item again"
    return found


def test_answers_of_apis_are_kept_as_served() -> None:
    vk = VkReader("https://api.example", "")
    source = Source(name="s", kind="vk", address="synaq")
    [post] = _read(vk, source, VK_BODY, step="wall")
    assert post.payload.startswith(rb'{"id":7 ,"owner_id"')
    context = {"owner": -77, "post": 7, "offset": 0, "pages": 1, "count": 2}
    _, reply = _read(vk, source, VK_COMMENTS, step="comments", context=context)
    assert reply.payload.startswith(rb'{"id":2, "from_id":6 ,')
    graph = Graph("https://api.example", "")
    body = b'{"data":[' + GRAPH_ITEM + b'],"paging":{}}'
    tag = source.model_copy(update={"address": "#synaq"})
    [recent] = _read(InstagramReader(graph, "1"), tag, body, step="recent")
    discovered = b'{"business_discovery":{"media":' + body + b'},"id":"1"}'
    account = source.model_copy(update={"address": "@synaq"})
    [own] = _read(InstagramReader(graph, "1"), account, discovered, step="account")
    [thread] = _read(ThreadsReader(graph), account, body, step="posts")
    assert recent.payload == own.payload == thread.payload == GRAPH_ITEM


FEED = Source(name="f", kind="feed", address="https://n.example/rss")
ENTRY = """<item><title><![CDATA[Өрт <item> </item>]]></title><!-- <item> --><guid>g{n}</guid
><pubDate>Fri, 20 Mar 2026 14:05:00 +0500</pubDate>
<content:encoded>Мәтін &amp; {n}</content:encoded>
<media:content url="https://n.example/{n}.jpg" medium="image"/></item>"""
HEAD = """<?xml version="1.0" encoding="{encoding}"?>
<rss xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><items/>"""


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
def test_entries_of_feeds_are_kept_as_served(encoding: str) -> None:
    entry = ENTRY.replace("Ө", "О").replace("ә", "а") if encoding == "windows-1251" else ENTRY
    text = HEAD.format(encoding=encoding) + entry.format(n=1) + entry.format(n=2)
    body = f"{text}</channel></rss>".encode(encoding)
    first, second = _read(FeedReader(), FEED, body, step="feed")
    assert (first.native_id, second.native_id) == ("g1", "g2")
    assert second.text.endswith("& 2")
    assert [ref.url for ref in second.media] == ["https://n.example/2.jpg"]
    if encoding == "utf-16":
        assert first.payload == second.payload == body, "no pieces to be told apart: the whole"
    else:
        assert second.payload == entry.format(n=2).encode(encoding)


def test_an_item_of_a_site_is_kept_with_its_page() -> None:
    row = '<div class="n"><a href="/{n}">Жол {n}</a><time datetime="2026-03-20T14:05:00Z">'
    body = "".join(row.format(n=n) for n in (1, 2)).encode()
    selectors = Selectors(item="div.n", text="a", time="time::attr(datetime)")
    source = Source(name="s", kind="site", address="https://n.example/", selectors=selectors)
    first, second = _read(SiteReader(), source, body, step="list")
    assert first.payload == second.payload == body
    assert second.url == "https://n.example/2"
