"""The hub: nothing missed, nothing told to those who may not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from console.hub import Hub, Item, Kind, decode, encode
from core.records import Audience, Event
from store.protocol import CONFIDENTIAL, OPEN, EventWrite
from tests.console.conftest import NOW, make_assessment, make_event, make_post


def test_positions_survive_the_event_id() -> None:
    both = {Audience.OPEN: 12, Audience.CONFIDENTIAL: 3}
    assert encode({Audience.OPEN: 12}) == "open:12"
    assert decode(encode(both), OPEN | CONFIDENTIAL) == both


@pytest.mark.parametrize("text", [None, "", "open", "open:", "open:-1", "open:x", "open:١٢", ",,"])
def test_unreadable_positions_are_no_positions(text: str | None) -> None:
    assert decode(text, OPEN) == {}


def test_positions_of_others_are_ignored() -> None:
    assert decode("open:5,confidential:9,pending:1", OPEN) == {Audience.OPEN: 5}


def write(store: Any, key: str, *, version: int = 1, audience: Audience = Audience.OPEN) -> Event:
    """A version of an event of its own."""
    post = make_post(key, f"Пожар во дворе {key}", NOW)
    store.accept_posts([(post, None)])
    made = make_assessment(post, "fire_emergency", None)  # type: ignore[arg-type]
    store.save_assessments([(made, audience)], NOW)
    event = make_event(key, [post], [], version=version, audience=audience)
    store.write_events([EventWrite(event, version - 1)])
    return event


def make_hub(store: Any, **more: Any) -> Hub:
    """A quick hub for which every flagged event is interesting."""
    more = {"poll_s": 0.01, "pulse_s": 0.05, "shown": lambda _: [], **more}
    return Hub(store, interesting=lambda event: event.flagged, **more)


async def until(following: AsyncIterator[list[Item]], kind: Kind, count: int = 1) -> list[Item]:
    """The first items of a kind."""
    found: list[Item] = []
    async with asyncio.timeout(5):
        async for items in following:
            found += [item for item in items if item.kind is kind]
            if len(found) >= count:
                return found
    raise AssertionError("the stream ended")


def test_followers_hear_what_is_written_and_where_they_stand(filled: Any) -> None:
    async def scene() -> None:
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        following = [hub.follow(OPEN, {}) for _ in range(5)]
        for one in following:
            await until(one, Kind.PULSE)
        event = await asyncio.to_thread(write, filled.store, "live")
        newest = filled.store.last_event_change(Audience.OPEN)
        for one in following:
            (item,) = await until(one, Kind.EVENT)
            assert item.event == event
            assert item.positions == {Audience.OPEN: newest}
        hub.close()
        await task
        for one in following:
            assert [items async for items in one] == []

    asyncio.run(scene())


def test_what_was_missed_is_caught_up_in_order_once(filled: Any) -> None:
    async def scene() -> None:
        before = filled.store.last_event_change(Audience.OPEN)
        events = [write(filled.store, f"missed-{n}") for n in range(3)]
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        items = await until(hub.follow(OPEN, {Audience.OPEN: before}), Kind.EVENT, 3)
        assert [item.event for item in items] == events
        rest = await until(hub.follow(OPEN, items[1].positions), Kind.EVENT)
        assert [item.event for item in rest] == events[2:]
        hub.close()
        await task

    asyncio.run(scene())


@pytest.mark.parametrize("after", [10**9, 0])
def test_who_missed_too_much_or_comes_from_another_store_begins_anew(
    filled: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr("console.hub.MAX_CATCH_UP", 5)

    async def scene() -> None:
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        (item,) = await until(hub.follow(OPEN, {Audience.OPEN: after}), Kind.RESET)
        assert item.positions == {Audience.OPEN: filled.store.last_event_change(Audience.OPEN)}
        hub.close()
        await task

    asyncio.run(scene())


def test_a_page_that_lags_behind_the_ring_begins_anew(
    filled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.hub.RING", 3)

    async def scene() -> None:
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        following = hub.follow(OPEN, {})
        await until(following, Kind.PULSE)
        for n in range(6):
            await asyncio.to_thread(write, filled.store, f"flood-{n}")
        await asyncio.sleep(0.3)
        await until(following, Kind.RESET)
        hub.close()
        await task

    asyncio.run(scene())


def test_each_audience_hears_its_own_alone(filled: Any) -> None:
    async def scene() -> None:
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        everybody, officer = hub.follow(OPEN, {}), hub.follow(CONFIDENTIAL, {})
        for one in (everybody, officer):
            await until(one, Kind.PULSE)
        write(filled.store, "secret", audience=Audience.CONFIDENTIAL)
        event = write(filled.store, "public")
        (item,) = await until(everybody, Kind.EVENT)
        assert item.event == event
        assert Audience.CONFIDENTIAL not in item.positions
        (item,) = await until(officer, Kind.EVENT)
        assert item.audience is Audience.CONFIDENTIAL
        assert Audience.OPEN not in item.positions
        hub.close()
        await task

    asyncio.run(scene())


def test_an_event_that_turns_confidential_goes_from_the_screens_that_could_show_it(
    filled: Any,
) -> None:
    async def scene() -> None:
        hub = make_hub(filled.store, shown=lambda _: [filled.crash])
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        following = hub.follow(OPEN, {})
        await until(following, Kind.PULSE)
        event = filled.store.event(filled.crash, OPEN)
        subjects = [link.id for link in event.posts]
        made = filled.store.assessments(subjects, OPEN)
        filled.store.save_assessments([(one, Audience.CONFIDENTIAL) for one in made.values()], NOW)
        moved = event.model_copy(update={"version": 3, "audience": Audience.CONFIDENTIAL})
        await asyncio.to_thread(filled.store.write_events, [EventWrite(moved, 2)])
        (gone,) = await until(following, Kind.GONE)
        assert gone.id == filled.crash
        assert gone.event is None
        # Whoever comes later never saw it, and is told nothing.
        late = hub.follow(OPEN, {})
        heard = [await anext(late) for _ in range(3)]
        assert {item.kind for items in heard for item in items} == {Kind.PULSE}
        hub.close()
        await task

    asyncio.run(scene())


def test_what_is_no_incident_is_not_sent_around(filled: Any) -> None:
    async def scene() -> None:
        hub = make_hub(filled.store)
        task = asyncio.create_task(hub.run())
        await asyncio.sleep(0.05)
        following = hub.follow(OPEN, {})
        await until(following, Kind.PULSE)
        quiet = filled.store.event(filled.quiet, OPEN)
        again = quiet.model_copy(update={"version": 2})
        filled.store.write_events([EventWrite(again, 1)])
        event = await asyncio.to_thread(write, filled.store, "loud")
        (item,) = await until(following, Kind.EVENT)
        assert item.event == event
        dropped = event.model_copy(update={"version": 2, "flagged": False})
        filled.store.write_events([EventWrite(dropped, 1)])
        (item,) = await until(following, Kind.EVENT)  # it was shown, so its end is told
        assert item.event == dropped
        hub.close()
        await task

    asyncio.run(scene())
