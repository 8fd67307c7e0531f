"""The console in a real Chromium: a shift's work by keyboard, two people, lost connections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core.records import Heartbeat, ReportState
from store.protocol import OPEN, EventWrite
from tests.console.browser import add_event, at_rest, marked, ready, selected
from tests.console.conftest import NOW

pytestmark = marked


def test_a_shift_without_the_mouse(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of())
    event = add_event(filled, "live", 0.999)
    page.wait_for_selector(f"#e-{event.id}")
    assert page.locator(".row").first.get_attribute("data-id") == event.id
    assert page.inner_text("#count") == "31"
    page.keyboard.press("j")
    assert selected(page) == event.id
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/events/{event.id}")
    ready(page)
    page.keyboard.press("x")
    page.wait_for_selector("dialog#reject[open]")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_selector("#verdict.verdict-reject")
    ready(page)
    (rejected,) = filled.store.decisions(OPEN, event.id)
    assert rejected.reason == "old"
    page.keyboard.press("u")
    page.wait_for_selector("[data-act=confirm]")
    ready(page)
    page.keyboard.press("Escape")
    ready(page)
    page.wait_for_selector(f"#e-{event.id}[aria-selected=true]")
    page.keyboard.press("c")
    page.wait_for_selector(f"#e-{event.id}", state="detached")
    page.keyboard.press("u")
    page.wait_for_selector(f"#e-{event.id}")
    kinds = [d.kind.value for d in filled.store.decisions(OPEN, event.id)]
    assert kinds == ["reject", "undo", "confirm", "undo"]


def test_two_people_see_each_others_decisions(page_of: Callable[..., Any], filled: Any) -> None:
    one, two = ready(page_of()), ready(page_of("supervisor", lang="kk"))
    two.wait_for_selector(f"#e-{filled.crash}")
    one.click(f"#e-{filled.crash}")
    one.click("#peek [data-act=confirm]")
    two.wait_for_selector(f"#e-{filled.crash}", state="detached")
    one.click(".toast button")
    two.wait_for_selector(f"#e-{filled.crash}")


def test_new_events_do_not_move_what_the_hand_is_on(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.wait_for_selector("html[data-loaded]")
    row = page.locator(".row").nth(3)
    held = row.get_attribute("data-id")
    row.hover()
    before = page.locator(f"#e-{held}").bounding_box()["y"]
    for number in range(3):
        event = add_event(filled, f"above-{number}", 0.99)
        page.wait_for_selector(f"#e-{event.id}")
        at_rest(page)
        assert abs(page.locator(f"#e-{held}").bounding_box()["y"] - before) < 1.5
    page.locator("#new-above", has_text=": 3").wait_for()
    page.click("#new-above")
    assert page.evaluate("document.getElementById('rows').scrollTop") == 0


def test_keys_are_silent_while_typing_and_work_under_a_russian_layout(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.keyboard.press("/")
    page.keyboard.type("jjcxu?")
    assert page.input_value(".find input") == "jjcxu?"
    assert selected(page) is None
    assert filled.store.decisions(OPEN) == []
    page.keyboard.press("Escape")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown',"
        "{key: 'о', code: 'KeyJ', bubbles: true}))"
    )
    assert selected(page) is not None
    page.keyboard.press("?")
    page.wait_for_selector("dialog#help[open]")
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#help[open]", state="detached")


def test_a_stale_page_says_what_changed_and_can_decide_anyway(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.goto(page.url.replace("/queue", f"/events/{filled.crash}"))
    ready(page)
    event = filled.store.event(filled.crash, OPEN)
    newer = event.model_copy(update={"version": 3, "report_state": ReportState.UNKNOWN})
    filled.store.write_events([EventWrite(newer, 2)])
    page.wait_for_selector("#banner-changed:not([hidden])")
    page.keyboard.press("c")
    page.wait_for_selector("dialog#stale[open]")
    assert "Связи с 102 нет" in page.inner_text("dialog#stale .changes")
    page.click("dialog#stale [value=again]")
    page.wait_for_selector("#verdict.verdict-confirm")
    assert filled.store.decisions(OPEN, filled.crash)[0].event_version == 3


def test_a_lost_server_and_a_silent_feed_are_said_aloud(
    page_of: Callable[..., Any], filled: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = app.state.console.hub
    monkeypatch.setattr(hub, "_pulse_s", 0.2)
    page = ready(page_of())
    assert page.is_hidden("#banner-silent")
    late = NOW + timedelta(microseconds=1)
    filled.store.beat(Heartbeat(feed="calls", at=late, limit_s=1e-9))
    page.wait_for_selector("#banner-silent:not([hidden])")
    assert "calls" in page.inner_text("#banner-silent")
    hub._loop.call_soon_threadsafe(hub.close)
    page.wait_for_selector("#banner-lost:not([hidden])")


def test_linking_a_candidate_from_the_event_page(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of())
    page.goto(page.url.replace("/queue", f"/events/{filled.crash}"))
    ready(page)
    page.click(f'.report [data-act=link][data-member="{filled.candidate}"]')
    page.wait_for_selector(".timeline .m-decision_link")
    (decision,) = filled.store.decisions(OPEN, filled.crash)
    assert decision.members == (filled.candidate,)


def test_the_map_selects_and_is_moved_by_keys(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of(size="wide"))
    row = page.locator(f"#e-{filled.crash}")
    row.click()
    before = page.locator("#map canvas").screenshot()
    page.focus("#map")
    for key in ("+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(key)
    for _ in range(6):
        page.keyboard.press("+")
    at_rest(page)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.locator("#map canvas").screenshot() != before
    assert selected(page) == filled.crash


def outline_share(page: Any) -> float:
    """The larger of the shares of the map's width and height that what is drawn takes."""
    share: float = page.evaluate(
        """async () => {
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            for (let n = 0; n < 4; n++) await frame();
            const c = document.querySelector('#map canvas');
            const d = new Uint32Array(
                c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
            const sea = d[0];
            let [west, east, north, south] = [c.width, 0, c.height, 0];
            for (let y = 0; y < c.height; y += 4) for (let x = 0; x < c.width; x += 4)
                if (d[y * c.width + x] !== sea) {
                    west = Math.min(west, x); east = Math.max(east, x);
                    north = Math.min(north, y); south = Math.max(south, y);
                }
            return Math.max((east - west) / c.width, (south - north) / c.height);
        }"""
    )
    return share


def test_the_map_is_fitted_anew_whenever_its_window_changes(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of())
    page.wait_for_selector("html[data-loaded]")
    page.wait_for_function("() => document.querySelector('#map canvas').width > 100")
    sizes = ((1366, 768), (1700, 1000), (2560, 1440), (3840, 2160), (1366, 768))
    shares = []
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(
            "() => { const b = document.getElementById('map');"
            " return b.querySelector('canvas').width === b.clientWidth; }"
        )
        shares.append(outline_share(page))
    assert min(shares) > 0.75, f"the country fills the map at every size: {shares}"
    page.focus("#map")
    for _ in range(3):
        page.keyboard.press("-")
    page.set_viewport_size({"width": 3840, "height": 2160})
    assert outline_share(page) < 0.75, "what a person has moved stays so"


LISTEN = """
window.tones = [];
window.notes = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
    window.tones.push(this.frequency.value);
    return start.call(this, when);
};
window.Notification = class {
    static permission = 'granted';
    static requestPermission() { return Promise.resolve('granted'); }
    constructor(title, options) { window.notes.push([title, options.body, options.tag]); }
};
Object.defineProperty(document, 'hasFocus', {value: () => false});
"""
URGENT, RAISED = [880, 660, 880, 660], [660, 520]


def heard(page: Any, filled: Any, key: str, priority: float) -> list[int]:
    """What sounds when an event of this priority comes, four seconds after the last."""
    page.evaluate("(() => { const at = Date.now() + 5000; Date.now = () => at; })()")
    page.evaluate("window.tones.length = 0")
    count = int(page.inner_text("#count"))
    add_event(filled, key, priority)
    page.wait_for_function(
        "(wanted) => document.getElementById('count').textContent === wanted", arg=str(count + 1)
    )
    found: list[int] = page.evaluate("window.tones")
    return found


def test_what_comes_sounds_by_its_severity_within_the_budget(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = page_of()
    page.add_init_script(LISTEN)
    page.reload()
    ready(page)
    page.wait_for_selector("html[data-loaded]")
    bell = page.locator("#bell")
    assert heard(page, filled, "off", 0.9) == [], "a bell that is off is silent"
    bell.click()
    assert bell.get_attribute("aria-pressed") == "true"
    assert page.evaluate("window.tones") == RAISED, "the click itself is heard"
    assert heard(page, filled, "urgent", 0.9) == URGENT
    assert heard(page, filled, "raised", 0.5) == RAISED
    assert heard(page, filled, "calm", 0.1) == []
    titles, texts, _ = zip(*page.evaluate("window.notes"), strict=True)
    assert titles == ("Пожар, ЧС",) * 2
    assert [text.split()[-1] for text in texts] == ["urgent", "raised"], "in the row's words"
    assert heard(page, filled, "flood", 0.9) == URGENT
    for number in range(3):
        page.wait_for_selector(f"#e-{add_event(filled, f'flood-{number}', 0.9).id}")
    assert page.evaluate("window.tones") == URGENT, "a flood sounds once"
    page.evaluate("document.getElementById('bell').dataset.perH = '3'")
    assert heard(page, filled, "over", 0.9) == [], "three alerts an hour are spent"
    assert bell.get_attribute("data-spent") == "true"
    page.reload()
    ready(page)
    assert page.locator("#bell").get_attribute("aria-pressed") == "true", "it is remembered"


def test_a_phone_opens_events_by_touch_and_has_a_map(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of(size="phone"))
    page.click("#map-toggle")
    page.wait_for_function(
        """() => { const c = document.querySelector('#map canvas');
        if (!c?.width) return false;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return new Set(new Uint32Array(d.buffer)).size > 20; }"""
    )
    assert page.locator("#map").bounding_box()["height"] > 200
    page.click(f"#e-{filled.crash}")
    page.wait_for_url(f"**/events/{filled.crash}")


def test_an_analyst_reads_and_has_no_way_to_decide(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of("analyst"))
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert page.locator("[data-act]").count() == 0
    assert filled.store.decisions(OPEN) == []


def opened(page_of: Callable[..., Any], event_id: str, name: str = "specialist") -> Any:
    """An event's page, ready."""
    return ready(page_of(name, path=f"/events/{event_id}"))


def kinds(filled: Any, event_id: str) -> list[str]:
    """Kinds of the decisions on an event, in order."""
    return [d.kind.value for d in filled.store.decisions(OPEN, event_id)]


def decided(page: Any, filled: Any, event_id: str, count: int) -> list[str]:
    """The kinds once there are so many, and the page shows them."""
    page.locator(".timeline [class*=m-decision]").nth(count - 1).wait_for()
    ready(page)
    return kinds(filled, event_id)


def test_every_decision_on_the_event_page_by_key(page_of: Callable[..., Any], filled: Any) -> None:
    page = opened(page_of, filled.crash)
    press = page.keyboard.press
    assert page.locator(".report.chosen").get_attribute("data-report") == filled.candidate
    press("y")
    assert decided(page, filled, filled.crash, 1) == ["link"]
    press("2")
    press("n")
    assert decided(page, filled, filled.crash, 2)[-1] == "unlink"
    press("1")
    press("h")
    assert decided(page, filled, filled.crash, 3)[-1] == "unsure"
    press("a")
    page.wait_for_selector("dialog#note[open]")
    page.keyboard.type("Скорая на месте")
    press("Enter")
    assert decided(page, filled, filled.crash, 4)[-1] == "note"
    assert "Скорая на месте" in page.inner_text(".event-head")
    press("e")
    page.wait_for_selector("dialog#category[open]")
    press("4")
    press("Enter")
    assert decided(page, filled, filled.crash, 5)[-1] == "category"
    assert page.inner_text("h1").startswith("Насилие")
    press("z")
    page.wait_for_selector("dialog#snooze[open]")
    press("2")
    press("Enter")
    assert decided(page, filled, filled.crash, 6)[-1] == "snooze"
    page.wait_for_selector("#snoozed")
    press("u")
    assert decided(page, filled, filled.crash, 7)[-1] == "undo"
    press("s")
    page.wait_for_selector("dialog#split[open]")
    press("2")
    press("Enter")
    assert decided(page, filled, filled.crash, 8)[-1] == "split"
    press("m")
    page.wait_for_selector("dialog#merge[open]")
    press("1")
    press("Enter")
    assert decided(page, filled, filled.crash, 9)[-1] == "merge"
    made = filled.store.decisions(OPEN, filled.crash)
    assert made[7].members == (filled.store.event(filled.crash, OPEN).posts[1].id,)
    assert len(made[8].members) >= 2


def test_moving_an_event_without_the_mouse(page_of: Callable[..., Any], filled: Any) -> None:
    page = opened(page_of, filled.crash)
    before = filled.store.event(filled.crash, OPEN).location
    page.keyboard.press("g")
    page.wait_for_selector("#placing:not([hidden])")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "]"):
        page.keyboard.press(key)
    page.locator("#placing-where", has_text="±").wait_for()
    page.keyboard.press("Enter")
    assert decided(page, filled, filled.crash, 1) == ["move"]
    (made,) = filled.store.decisions(OPEN, filled.crash)
    assert made.point.lon > before.lon
    assert made.point.lat > before.lat
    assert made.point.radius_m > before.radius_m
    page.keyboard.press("g")
    page.keyboard.press("Escape")
    page.wait_for_selector("#placing", state="hidden")
    assert kinds(filled, filled.crash) == ["move"]


def test_two_specialists_one_event(page_of: Callable[..., Any], filled: Any) -> None:
    one, two = opened(page_of, filled.crash), ready(page_of("supervisor", path="/queue"))
    one.keyboard.press("t")
    owner = two.locator(f"#e-{filled.crash} .owner")
    owner.wait_for()
    assert owner.inner_text() == "specialist"
    two.click(f"#e-{filled.crash}")
    two.keyboard.press("c")
    two.locator(".toast.bad", has_text="specialist").wait_for()
    assert kinds(filled, filled.crash) == []
    two.click("#peek [data-act=break]")
    owner.wait_for(state="hidden")
    one.locator("#owner").wait_for(state="hidden")
    two.keyboard.press("c")
    two.wait_for_selector(f"#e-{filled.crash}", state="detached")
    assert kinds(filled, filled.crash) == ["confirm"]


def test_many_events_at_once_and_one_undo(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of(path="/queue"))
    page.wait_for_selector("html[data-loaded]")
    page.keyboard.press("j")
    first = selected(page)
    for _ in range(3):
        page.keyboard.press("Shift+J")
    assert page.inner_text("#bulk-count") == "Выбрано: 4"
    page.keyboard.press("x")
    page.wait_for_selector("dialog#reject[open]")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#e-{first}", state="detached")
    page.locator("#count", has_text="26").wait_for()
    assert len({d.batch for d in filled.store.decisions(OPEN)}) == 1
    page.keyboard.press("u")
    page.wait_for_selector(f"#e-{first}")
    page.locator("#count", has_text="30").wait_for()
    assert [d.kind.value for d in filled.store.decisions(OPEN)] == ["reject"] * 4 + ["undo"] * 4


def test_an_urgent_event_is_heard_and_a_view_is_kept(
    page_of: Callable[..., Any], filled: Any
) -> None:
    page = ready(page_of(path="/queue"))
    page.wait_for_selector("html[data-loaded]")
    page.click("#bell")
    assert page.get_attribute("#bell", "aria-pressed") == "true"
    event = add_event(filled, "loud", 0.99)
    page.wait_for_selector(f"html[data-alarm='{event.id}']")
    page.select_option("select[name=category]", "fire_emergency")
    ready(page)
    page.on("dialog", lambda dialog: dialog.accept("Пожары"))
    page.click("#view-save")
    page.locator("#views option", has_text="Пожары").wait_for(state="attached")
    page.goto(page.url.split("?")[0])
    ready(page)
    page.select_option("#views", label="Пожары")
    page.wait_for_url("**category=fire_emergency**")
    ready(page)
    names = page.locator(".row .category").all_inner_texts()
    assert set(names) == {"Пожар, ЧС"}


def test_hidden_numbers_take_a_reason(page_of: Callable[..., Any], filled: Any) -> None:
    page = opened(page_of, filled.crash)
    post = page.locator("article.post").first
    assert "222 33 44" not in post.inner_text()
    post.locator("[data-reveal]").click()
    page.wait_for_selector("dialog#reveal[open]")
    page.keyboard.type("Позвонить мужу")
    page.keyboard.press("Enter")
    post.locator(".said", has_text="222 33 44").first.wait_for()
    (entry, *_) = filled.store.audit(OPEN)
    assert (entry.action, entry.detail) == ("reveal_text", "Позвонить мужу")


def test_a_break_of_the_connection_loses_nothing(page_of: Callable[..., Any], filled: Any) -> None:
    page = ready(page_of(path="/queue"))
    page.wait_for_selector("html[data-loaded]")
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    event = add_event(filled, "meanwhile", 0.98)
    page.wait_for_timeout(400)  # as long as two looks at the store: it would have come by now
    page.context.set_offline(False)
    page.wait_for_selector(f"#e-{event.id}")
