"""Feeds, sitemaps and sites by selectors against a real server, and what they make of faults."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from core.errors import SourceError
from core.inputs import post_id
from core.records import Post, RawPost, Selectors, Source
from core.settings import CrawlerSettings, Settings
from crawlers.articles import article_text, parse_time
from crawlers.feed import FeedReader
from crawlers.openings import MAX_TRIES, Openings, some_left
from crawlers.site import SiteReader
from crawlers.sitemap import SitemapReader
from crawlers.web import Answer, Ask, Pass
from store.coverage import ledger_of
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.crawlers.running import read
from tests.servers.http import HttpServer, Reply, serving

NOW = datetime.now(UTC).replace(microsecond=0)
BODY = (
    "Түнде Сайран ауданындағы базарда өрт шықты. Өрт сөндірушілер он минутта жетті. "
    "Зардап шеккендер жоқ, себебі анықталып жатыр. Полиция куәгерлерді іздеуде."
)


def _rss(*items: str) -> str:
    head = '<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>'
    return head + "".join(items) + "</channel></rss>"


def _item(number: int, text: str, link: str = "", **more: str) -> str:
    at = format_datetime(NOW - timedelta(minutes=number))
    guid = more.get("guid", f"g{number}")
    return (
        f"<item><guid>{guid}</guid><title>{text}</title><link>{link}</link>"
        f"<pubDate>{at}</pubDate>"
        f"<description>&lt;p&gt;Қысқаша {number}&lt;/p&gt;</description></item>"
    )


def _page(title: str, body: str = BODY, at: datetime = NOW) -> str:
    return f"""<!DOCTYPE html><html><head><title>{title}</title>
<meta property="og:image" content="/images/1.jpg">
<meta property="article:published_time" content="{at.isoformat()}"></head>
<body><nav><a href="/">Басты бет</a><a href="/sport">Спорт</a></nav>
<article><h1>{title}</h1><p>{body}</p><p>{body}</p></article>
<footer>Барлық құқықтар қорғалған</footer></body></html>"""


def _answer(body: str | bytes, url: str = "https://n.example/x", step: str = "feed") -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return Answer(Ask(url, step=step), url, 200, data, "utf-8", "text/xml", NOW)


FEED = Source(name="f", kind="feed", address="https://n.example/rss")


# -- pure ----------------------------------------------------------------------------------------


def test_rss_atom_and_rdf_are_read() -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><title>Атом</title>
<link rel="self" href="/no"/><link href="/yes"/><published>2026-03-20T10:00:00+05:00</published>
<content type="html">&lt;b&gt;Мәтін&lt;/b&gt;&lt;br&gt;екі</content></entry></feed>"""
    rdf = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><item>
<title>РДФ</title><link>https://n.example/r</link><dc:date>2026-03-20T10:00:00Z</dc:date></item></rdf:RDF>"""
    [entry] = FeedReader().read(Pass(FEED, {}), _answer(atom)).found
    assert entry.text == "Атом\nМәтін\nекі"
    assert entry.url == "https://n.example/yes"
    assert entry.posted_at == datetime(2026, 3, 20, 5, tzinfo=UTC)
    [item] = FeedReader().read(Pass(FEED, {}), _answer(rdf)).found
    assert (item.native_id, item.text) == ("https://n.example/r", "РДФ")
    [plain] = FeedReader().read(Pass(FEED, {}), _answer(_rss(_item(1, "Тақырып")))).found
    assert plain.text == "Тақырып\nҚысқаша 1"
    again = FeedReader().again(_raw(plain.payload, plain.media_type), FEED, NOW)
    assert again is not None
    assert again.text == plain.text


def _raw(payload: bytes, media_type: str) -> RawPost:
    return RawPost(
        id="r",
        source="f",
        native_id="g1",
        url=None,
        fetched_at=NOW,
        media_type=media_type,
        payload=payload,
        parser="feed/1",
    )


def test_hostile_xml_does_no_harm() -> None:
    laughs = (
        '<!DOCTYPE l [<!ENTITY a "ха"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )
    body = laughs + _rss(_item(1, "&b;&x;")).partition("?>")[2]
    found = FeedReader().read(Pass(FEED, {}), _answer(body)).found
    assert all("root:" not in item.text and "ха" not in item.text for item in found)


@pytest.mark.parametrize(
    ("reader", "source", "body", "word"),
    [
        (FeedReader(), FEED, "<html><body>x</body></html>", "is no feed"),
        (FeedReader(), FEED, "", "is no feed"),
        (FeedReader(), FEED, _rss("<item><headline>x</headline></item>"), "structure has changed"),
        (SitemapReader(), FEED, "<html/>", "is no sitemap"),
        (
            SiteReader(),
            Source(
                name="s",
                kind="site",
                address="https://n.example/",
                selectors=Selectors(item="div.news", text="h2", time="time::attr(datetime)"),
            ),
            "<html><div class='renamed'/></html>",
            "nothing fits the selector",
        ),
    ],
)
def test_what_is_not_what_it_should_be_is_reported(
    reader: FeedReader, source: Source, body: str, word: str
) -> None:
    with pytest.raises(SourceError, match=word):
        reader.read(Pass(source, {}), _answer(body))


def test_an_empty_feed_is_no_fault() -> None:
    assert FeedReader().read(Pass(FEED, {}), _answer(_rss())).found == ()


@pytest.mark.parametrize(
    "selectors",
    [None, Selectors(item="div"), Selectors(item="div[", text="p", time="time")],
)
def test_selectors_that_cannot_work_are_named(selectors: Selectors | None) -> None:
    source = Source(name="s", kind="site", address="https://n.example/", selectors=selectors)
    with pytest.raises(SourceError, match="selector"):
        SiteReader().hosts(source)


def test_times_as_sites_write_them() -> None:
    at = datetime(2026, 3, 20, 9, 5, tzinfo=UTC)
    assert parse_time("Fri, 20 Mar 2026 14:05:00 +0500") == at
    assert parse_time("2026-03-20T14:05:00+05:00") == at
    assert parse_time("2026-03-20 14:05") == at
    assert parse_time("20.03.2026 14:05", form="%d.%m.%Y %H:%M") == at
    assert parse_time("вчера") is None
    assert parse_time("0001-01-01T00:00:00Z") is None
    with pytest.raises(SourceError, match="no time zone"):
        parse_time("2026-03-20T14:05:00", zone="Almaty/Asia")


def test_only_the_article_is_text() -> None:
    text = article_text(_page("Базардағы өрт").encode(), "utf-8", "https://n.example/1")
    assert text.startswith("Базардағы өрт")
    assert "Спорт" not in text
    assert "құқықтар" not in text
    assert article_text(b"", "utf-8", "https://n.example/1") == ""


def test_a_link_that_fails_is_opened_again_and_given_up_at_last() -> None:
    progress: dict[str, object] = {}
    for _ in range(MAX_TRIES):
        openings = Openings(progress)
        assert openings.wants("a")
        openings.trying("a")
        assert some_left(progress) == (Openings(progress).wants("a"))
    assert not Openings(progress).wants("a")
    Openings(progress).trying("b")
    Openings(progress).done("b")
    assert not Openings(progress).wants("b")
    assert not some_left(progress)


# -- against a server ------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving(HttpServer()) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    crawlers = CrawlerSettings(
        allow_private_addresses=True, delay_s=0.0, timeout_s=3.0, requests_per_hour=1e6
    )
    return Settings(home=tmp_path / "home", crawlers=crawlers)


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.under_home(settings.store.path))
    yield store
    store.close()


def _post(store: SqliteStore, source: Source, native_id: str) -> Post:
    [post] = store.post_versions(post_id(source.name, native_id), ALL)
    return post


@pytest.mark.slow
def test_feeds_sitemaps_and_sites(
    server: HttpServer, settings: Settings, store: SqliteStore
) -> None:
    at = server.address
    cp1251 = _rss(_item(1, "Пожар на рынке")).replace('"1.0"', '"1.0" encoding="windows-1251"')
    server.shows(
        "/cp1251.xml", cp1251.encode("cp1251", "xmlcharrefreplace"), kind="application/xml"
    )
    server.routes["/full.xml"] = lambda asked: (
        Reply(status=304)
        if asked.header.get("if-none-match") == '"v1"'
        else Reply(
            _rss(_item(1, "Бір", f"{at}/a1"), _item(2, "Екі", f"{at}/a2")).encode(),
            kind="application/rss+xml",
            header={"ETag": '"v1"'},
        )
    )
    server.shows("/a1", _page("Бірінші мақала"))
    server.in_turn("/a2", Reply(status=404), Reply(_page("Екінші мақала").encode()))
    server.shows(
        "/sitemap.xml",
        f"<sitemapindex><sitemap><loc>{at}/old.xml</loc><lastmod>2020-01-01</lastmod></sitemap>"
        f"<sitemap><loc>{at}/news.xml</loc></sitemap>"
        f"<sitemap><loc>{at}/today.xml</loc><lastmod>{NOW.isoformat()}</lastmod></sitemap>"
        "</sitemapindex>",
        kind="application/xml",
    )
    server.shows("/news.xml", "<urlset/>", kind="application/xml")
    server.shows(
        "/today.xml",
        f"<urlset><url><loc>{at}/m1</loc><lastmod>{NOW.isoformat()}</lastmod></url>"
        f"<url><loc>{at}/m2</loc><lastmod>2020-01-01T00:00:00Z</lastmod></url>"
        "<url><loc>http://10.0.0.1/in</loc></url></urlset>",
        kind="application/xml",
    )
    server.shows("/m1", _page("Карта мақаласы", at=NOW - timedelta(hours=1)))
    row = (
        '<div class="n"><a href="/n{0}"><h2>Жаңалық {0}</h2></a><p>Мәтіні {0} 🔥</p>'
        '<span class="t">{1}</span><img src="/i{0}.jpg"></div>'
    )
    written = "20.03.2026 14:05"
    server.shows("/list", "<html>" + "".join(row.format(n, written) for n in (1, 2)) + "</html>")
    cut = Source(name="cut", kind="feed", address=f"{at}/cut.xml")
    server.in_turn("/cut.xml", Reply(_rss(_item(1, "бүтін")).encode(), cut=40))
    loop = Source(name="loop", kind="feed", address=f"{at}/loop.xml")
    server.shows("/loop.xml", "", status=302, header={"Location": "/loop.xml"})
    sources = [
        Source(name="cp1251", kind="feed", address=f"{at}/cp1251.xml"),
        Source(name="full", kind="feed", address=f"{at}/full.xml", article=True),
        Source(name="map", kind="sitemap", address=f"{at}/sitemap.xml"),
        Source(
            name="site",
            kind="site",
            address=f"{at}/list",
            selectors=Selectors(
                item="div.n",
                text="h2::text, p::text",
                time=".t::text",
                time_format="%d.%m.%Y %H:%M",
                media="img::attr(src)",
            ),
        ),
        Source(
            name="site2",
            kind="site",
            address=f"{at}/list",
            article=True,
            selectors=Selectors(item="div.n"),
        ),
        cut,
        loop,
    ]
    server.shows("/n1", _page("Жаңалық бір"))
    found = read(settings, *sources)
    assert [name for name, row in found.items() if row[4]] == ["cut", "loop"]
    assert "cut off" in (found["cut"][4] or "")
    assert "redirections" in (found["loop"][4] or "")
    assert _post(store, sources[0], "g1").text == "Пожар на рынке\nҚысқаша 1"
    assert found["full"][0] == 1
    full = _post(store, sources[1], "g1")
    assert full.text.startswith("Бірінші мақала\nТүнде Сайран")
    assert [ref.url for ref in full.media] == [f"{at}/images/1.jpg"]
    assert found["map"][0] == 1
    mapped = _post(store, sources[2], f"{at}/m1")
    assert mapped.posted_at == NOW - timedelta(hours=1)
    assert "/old.xml" not in server.paths()
    site = _post(store, sources[3], f"{at}/n2")
    assert (site.text, site.posted_at) == (
        "Жаңалық 2\nМәтіні 2 🔥",
        datetime(2026, 3, 20, 9, 5, tzinfo=UTC),
    )
    assert found["site2"][0] == 1
    assert ledger_of(store, "full").skipped == 1

    server.asked.clear()
    again = read(settings, *sources[:5])
    assert again["full"] == (1, 0, 0, 0, None), "what failed is opened again, nothing else"
    assert [again[s.name][0] for s in sources[:5]] == [0, 1, 0, 0, 0]
    assert server.paths().count("/a1") == 0
    server.asked.clear()
    read(settings, sources[1])
    assert server.paths() == ["/full.xml"]
    assert server.asked[-1].header.get("if-none-match") == '"v1"', "kept across processes"
