// The event page: its map, its decisions, and word of newer versions.

import {
  askCategory,
  askMerge,
  askNote,
  askReason,
  askReveal,
  askSnooze,
  askSplit,
  type Neighbour,
} from "./ask";
import { breakClaim, forget, release, take } from "./claims";
import { decide, lastAct, undo, type Wish } from "./decide";
import { keys } from "./keys";
import { follow } from "./live";
import { EventMap } from "./map/map";
import type { Item } from "./map/painter";
import { find, get, me, need, post, say, toast } from "./page";
import { Placing } from "./placing";

const page = need("event");
const event = { id: page.dataset.id ?? "", version: Number(page.dataset.version) };
const newest = page.dataset.newest === "true";
const mark = `decided-${event.id}`;
const OWN_MS = 6_000;
const back = need<HTMLAnchorElement>("back");
back.search = sessionStorage.getItem("queue-search") ?? "";
let busy = false;
let owner = page.dataset.owner ?? "";

const items: Item[] = [...document.querySelectorAll<HTMLElement>("#map-items li")].map(
  ({ dataset }) => ({
    id: dataset.id ?? "",
    kind: dataset.kind ?? "event",
    name: dataset.name ?? "",
    level: dataset.level ?? "calm",
    state: dataset.state ?? "",
    lat: Number(dataset.lat),
    lon: Number(dataset.lon),
    radius: Number(dataset.radius),
  }),
);
const map = new EventMap(need("map"), (id) => {
  const card = document.querySelector(`[data-report="${CSS.escape(id)}"]`);
  card?.scrollIntoView({ block: "center", behavior: "smooth" });
});
void map.load();
map.setItems(items);
const main = items.find((item) => item.kind === "event");
if (main) map.show(main.lat, main.lon, Math.max(2_500, main.radius * 2.2));
const placing = new Placing(map, main ?? null);

const told = (): string => document.querySelector(".lead-text")?.textContent ?? "";
const withKind = (kind: string, more: Omit<Wish, "kind"> | null): Wish | null =>
  more && { kind, ...more };

// -- deciding -----------------------------------------------------------------------------

async function wish(kind: string): Promise<Wish | null> {
  switch (kind) {
    case "reject":
      return withKind(kind, await askReason(told()));
    case "snooze":
      return withKind(kind, await askSnooze(told()));
    case "category":
      return withKind(kind, await askCategory(told()));
    case "note":
      return withKind(kind, await askNote(told()));
    case "split":
      return withKind(kind, await askSplit(parts()));
    case "merge":
      return merged();
    case "move":
      return withKind(kind, await placing.ask());
    default:
      return { kind };
  }
}

function parts(): { id: string; text: string }[] {
  const found = [...document.querySelectorAll<HTMLElement>("[data-part]")];
  return found.map((part) => ({
    id: part.dataset.part ?? "",
    text: (part.querySelector(".said")?.textContent ?? "").trim().slice(0, 160),
  }));
}

async function merged(): Promise<Wish | null> {
  const found = await get<Neighbour[]>(`/api/events/${event.id}/neighbours`);
  const other = await askMerge(found ?? []);
  return other && { kind: "merge", other: other.id, other_version: other.version };
}

async function act(kind: string, members?: string[]): Promise<void> {
  if (busy || placing.active || !newest || !document.querySelector(`[data-act="${kind}"]`)) return;
  if (kind === "take") return toggleClaim();
  if (kind === "break") return breakClaim(event.id);
  const what = kind === "undo" || members ? { kind, members } : await wish(kind);
  if (!what || busy) return;
  busy = true; // from here on a second press decides nothing
  try {
    if (kind === "undo") {
      if (await undoLast()) reload();
      return;
    }
    const done = await decide(event, what);
    if (done?.gone) back.click();
    else if (done) reload();
  } finally {
    busy = false;
  }
}

// One's own last act on this event, a batch as a whole; else the newest decision of anybody.
async function undoLast(): Promise<boolean> {
  const act = await lastAct();
  if (act?.items.some((item) => item.event === event.id)) return undo(act);
  return (await decide({ id: event.id, version: null }, { kind: "undo" })) !== null;
}

function reload(): void {
  sessionStorage.setItem(mark, String(Date.now()));
  location.reload();
}

async function toggleClaim(): Promise<void> {
  if (owner === me) await release(event.id);
  else if (await take(event.id)) own(me);
}

function own(by: string | null): void {
  owner = by ?? "";
  if (owner !== me) forget(event.id);
  const line = find("owner");
  if (line) {
    line.hidden = owner === "";
    line.textContent = owner === me ? say("js.mine") : say("js.works_on", { who: owner });
  }
  const button = document.querySelector<HTMLElement>('[data-act="break"]');
  if (button) button.hidden = owner === "" || owner === me;
  const label = document.querySelector<HTMLElement>('[data-act="take"] span');
  if (label) label.textContent = say(owner === me ? "js.release" : "js.take");
}

// -- candidates: chosen by figures, judged by y, h, n ---------------------------------------

const reports = [...document.querySelectorAll<HTMLElement>(".report[data-report]")];
let candidate = Math.max(
  0,
  reports.findIndex((one) => !one.classList.contains("linked") && !one.dataset.said),
);

function choose(index: number): void {
  if (!reports[index]) return;
  candidate = index;
  reports.forEach((one, at) => one.classList.toggle("chosen", at === candidate));
  reports[index]?.scrollIntoView({ block: "nearest" });
}

function match(kind: string): void {
  const id = reports[candidate]?.dataset.report;
  if (id) void act(kind, [id]);
}
if (newest && document.querySelector('[data-act="link"], [data-act="unlink"]')) choose(candidate);

for (const button of document.querySelectorAll<HTMLElement>("[data-act]")) {
  const { act: kind, member } = button.dataset;
  button.addEventListener("click", () => void act(kind ?? "", member ? [member] : undefined));
}

// -- what is masked -----------------------------------------------------------------------

for (const button of document.querySelectorAll<HTMLElement>("[data-reveal]")) {
  button.addEventListener("click", async () => {
    const why = await askReveal(say("js.reveal_logged"));
    if (!why) return;
    const subject = button.dataset.reveal ?? "";
    const answer = await post<{ text?: string; detail?: string }>(
      `/api/events/${event.id}/reveal`,
      { subject, reason: why.reason },
    ).catch(() => null);
    if (answer?.status !== 200) {
      toast(answer?.data.detail ?? say("js.failed"), { bad: true });
      return;
    }
    const said = button.closest("article, li")?.querySelector(".said, [dir=auto]");
    if (said) said.textContent = answer.data.text ?? "";
    button.remove();
  });
}

// -- live -----------------------------------------------------------------------------------

const changed = need("banner-changed");
follow(page.dataset.position ?? "", {
  row: (data) => {
    if (data.id !== event.id || data.version <= event.version || !newest) return;
    // What one's own decision brought about is shown at once; what others did is announced.
    const own = Date.now() - Number(sessionStorage.getItem(mark)) < OWN_MS;
    if (own && !document.querySelector("dialog[open]") && !placing.active) location.reload();
    else changed.hidden = false;
  },
  gone: ({ id }) => {
    if (id === event.id) location.reload();
  },
  claim: ({ id, by }) => {
    if (id === event.id) own(by);
  },
  reset: () => {},
});

const act0 = (kind: string) => (): void => void act(kind);
keys({
  KeyC: act0("confirm"),
  KeyX: act0("reject"),
  KeyZ: act0("snooze"),
  KeyE: act0("category"),
  KeyA: act0("note"),
  KeyG: act0("move"),
  KeyM: act0("merge"),
  KeyS: act0("split"),
  KeyT: act0("take"),
  KeyU: () =>
    document.querySelector('[data-act="undo"]') ? act("undo") : toast(say("js.nothing_to_undo")),
  KeyY: () => match("link"),
  KeyN: () => match("unlink"),
  KeyH: () => match("unsure"),
  KeyJ: () => choose(candidate + 1),
  KeyK: () => choose(candidate - 1),
  Digit1: () => choose(0),
  Digit2: () => choose(1),
  Digit3: () => choose(2),
  KeyP: () => find("card-link")?.click(),
  Enter: () => placing.active && placing.accept(),
  Escape: () => (placing.active ? placing.cancel() : back.click()),
  BracketLeft: () => placing.narrow(),
  BracketRight: () => placing.widen(),
  ArrowLeft: (key) => placing.active && map.key(key),
  ArrowRight: (key) => placing.active && map.key(key),
  ArrowUp: (key) => placing.active && map.key(key),
  ArrowDown: (key) => placing.active && map.key(key),
  Equal: (key) => placing.active && map.key(key),
  Minus: (key) => placing.active && map.key(key),
});
own(owner || null);
document.documentElement.dataset.ready = "true";
