"""docs/sources.md as an operator follows it: every kind set up from its examples, and working.

Only the addresses lead to servers of our own; names, keys, selectors and commands are the page's.
"""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.settings import load_settings, load_sources
from crawlers.readers import KINDS
from tests.crawlers.test_checking import _run
from tests.crawlers.test_news import _item, _rss
from tests.crawlers.test_news import _page as article
from tests.crawlers.test_platforms import _media
from tests.crawlers.test_telegram_export import ROWS
from tests.servers.http import HttpServer, serving
from tests.servers.meta import OWN_ID, Meta
from tests.servers.meta import TOKEN as META_TOKEN
from tests.servers.mtproto.server import running
from tests.servers.mtproto.world import CODE, PHONE, World
from tests.servers.vk import TOKEN as VK_TOKEN
from tests.servers.vk import Vk

from .conftest import message, page

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
TOKENS = {
    "vk": VK_TOKEN,
    "instagram": f"{OWN_ID}:{META_TOKEN}",
    "threads": META_TOKEN,
    "telegram": "4242:0123456789abcdef",
}
ROW = (
    '<div class="news-item"><h2><a href="/n{0}">Өрт {0}</a></h2><p>базарда</p>'
    '<time datetime="{1}"></time></div>'
)


def blocks(language: str) -> list[str]:
    """The page's examples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def fill(server: HttpServer, folder: Path) -> dict[str, str]:
    """Something to read for each example; the addresses of ours by kind."""
    at, now = server.address, datetime.now(UTC).replace(microsecond=0)
    server.shows("/s/example_city", page(message(1), message(2)))
    Vk(server).post("example_city", 1, "жол апаты")
    meta = Meta(server)
    meta.accounts["example.account"] = [_media(1, "су басты")]
    meta.profiles["anybody"] = [_media(900, text="Алматы авария", media_type="TEXT_POST")]
    server.shows("/rss", _rss(_item(1, "Өрт", f"{at}/a1")), kind="application/rss+xml")
    server.shows("/a1", article("Өрт туралы"))
    server.shows(
        "/news-sitemap.xml",
        f"<urlset><url><loc>{at}/m1</loc><lastmod>{now.isoformat()}</lastmod></url></urlset>",
        kind="application/xml",
    )
    server.shows("/m1", article("Апат туралы", at=now - timedelta(hours=1)))
    rows = "".join(ROW.format(number, now.isoformat()) for number in (1, 2))
    server.shows("/news", f"<html><body>{rows}</body></html>")
    (folder / "posts.jsonl").write_text(
        json.dumps({"id": "1", "text": "x", "posted_at": now.isoformat()}) + "\n"
    )
    export = {"name": "x", "type": "public_channel", "id": 1234567890, "messages": ROWS}
    (folder / "result.json").write_text(json.dumps(export))
    return {
        "telegram_preview": f"{at}/s/example_city",
        "feed": f"{at}/rss",
        "sitemap": f"{at}/news-sitemap.xml",
        "site": f"{at}/news",
        "replay": str(folder / "posts.jsonl"),
        "telegram_export": str(folder / "result.json"),
    }


def with_addresses(table: str, ours: dict[str, str]) -> str:
    """A source of the page that leads to our server."""
    kind = re.search(r'kind = "(\w+)"', table)
    assert kind is not None, table
    if kind[1] not in ours:
        return table
    return re.sub(r'address = "[^"]*"', f'address = "{ours[kind[1]]}"', table)


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    (given,) = [block for block in blocks("toml") if "[crawlers]" in block]
    file = tmp_path / "oqiga.toml"
    file.write_text(given, encoding="utf-8")
    crawlers = load_settings({"OQIGA_CONFIG": str(file)}).crawlers
    assert (crawlers.contact, crawlers.host_budgets["t.me"]) == ("monitoring@police.example", 3600)


@pytest.mark.slow
def test_every_kind_is_set_up_from_the_page(tmp_path: Path) -> None:
    sources = [block for block in blocks("toml") if "[[source]]" in block]
    tables = [f"[[source]]{part}" for block in sources for part in block.split("[[source]]")[1:]]
    file, world = tmp_path / "sources.toml", World()
    world.post(world.add_channel("example_city"), "өрт")
    with serving(HttpServer()) as server, running(world) as account:
        ours = fill(server, tmp_path)
        file.write_text("".join(with_addresses(t, ours) for t in tables), encoding="utf-8")
        named = load_sources(file)
        assert {source.kind for source in named} == set(KINDS), "the page has every kind"
        (write,) = [
            line
            for block in blocks("sh")
            for line in block.splitlines()
            if "THE-TOKEN' > data/tokens/vk" in line
        ]
        for name, token in TOKENS.items():
            command = write.replace("THE-TOKEN", token).replace("tokens/vk", f"tokens/{name}")
            subprocess.run(["/bin/bash", "-c", command], cwd=tmp_path, check=True)
        (tmp_path / "server.pem").write_text(account.key_pem)
        environment = {
            "OQIGA_CRAWLERS__SOURCES_FILE": str(file),
            "OQIGA_CRAWLERS__ALLOW_PRIVATE_ADDRESSES": "true",
            "OQIGA_CRAWLERS__DELAY_S": "0",
            "OQIGA_CRAWLERS__REQUESTS_PER_HOUR": "1000000",
            "OQIGA_CRAWLERS__VK_API": f"{server.address}/method",
            "OQIGA_CRAWLERS__INSTAGRAM_API": f"{server.address}/v23.0",
            "OQIGA_CRAWLERS__THREADS_API": f"{server.address}/v1.0",
            "OQIGA_CRAWLERS__TELEGRAM_SERVER": account.address,
            "OQIGA_CRAWLERS__TELEGRAM_SERVER_KEY": str(tmp_path / "server.pem"),
            "OQIGA_MEDIA__PHOTOS": "false",
        }
        home = tmp_path / "data"
        code, out, err = _run(
            home, "telegram", "login", answers=f"{PHONE}\n{CODE}\n", **environment
        )
        assert code == 0, err
        code, out, err = _run(home, "sources", "check", **environment)
        assert re.findall(r"^.*DOES NOT WORK.*$", out, re.MULTILINE) == [], out
        assert out.count("works, ") == len(named), f"each has posts:\n{out}"
        assert code == 0, err
        code, out, err = _run(home, "crawl", "site:example", **environment)
        assert (code, "2 new posts" in err) == (0, True), err
    code, out, err = _run(home, "status", **environment)
    assert "2 posts" in out
    code, out, err = _run(home, "reparse", "--days", "30", **environment)
    assert "2 posts read again: 0 have a new version" in err
