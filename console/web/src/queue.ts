// The live queue beside the map.

import { alarm, bell } from "./alarm";
import { askCategory, askNote, askReason, askSnooze } from "./ask";
import { breakClaim, release, take } from "./claims";
import { decide, decideMany, lastAct, undo, type Act, type Wish } from "./decide";
import { keys } from "./keys";
import { RowList } from "./list";
import { follow, type IndexEntry, type RowData } from "./live";
import { EventMap } from "./map/map";
import { decides, find, get, me, need, say } from "./page";
import { savedViews } from "./views";

const box = need("rows");
const view = box.dataset.view ?? "todo";
const filters = need<HTMLFormElement>("filters");
const above = need("new-above");
const peek = need("peek");
const peekBody = need("peek-body");
const bar = find("bulk");
const phone = matchMedia("(max-width: 760px)");
const checked = new Set<string>();
const leaving = new Set<string>();
const owners = new Map<string, string>();
let loaded = false;

const map = new EventMap(need("map"), (id) => list.select(id));
const list = new RowList(box, {
  byTime: view !== "todo",
  onSelect: (id) => {
    map.select(id);
    sessionStorage.setItem("queue-row", id ?? "");
    showPeek();
  },
  onDraw: showUnseen,
  decorate,
});
void map.load();

function decorate(row: HTMLElement, id: string): void {
  row.classList.toggle("checked", checked.has(id));
  const owner = row.querySelector<HTMLElement>(".owner");
  if (!owner) return;
  const by = owners.get(id) ?? "";
  const told = by === "" ? "" : by === me ? say("js.mine") : by;
  if (owner.textContent !== told) owner.textContent = told;
  owner.classList.toggle("mine", by === me);
  owner.hidden = by === "";
}

// -- what is shown ------------------------------------------------------------------------

function chosen(): URLSearchParams {
  const kept = new URLSearchParams();
  for (const [name, value] of new FormData(filters)) if (value) kept.append(name, String(value));
  kept.set("view", view);
  return kept;
}

const given = new URLSearchParams(location.search);
const among = (name: string, values: string[]): boolean => {
  const wanted = given.getAll(name).filter(Boolean);
  return wanted.length === 0 || wanted.some((value) => values.includes(value));
};

function wanted(data: RowData): boolean {
  const owner = given.get("owner");
  const by = owners.get(data.id);
  const hours = Number(given.get("hours") ?? 0);
  return (
    data.views.includes(view) &&
    among("category", [data.category]) &&
    among("state", [data.state]) &&
    among("region", [data.region ?? ""]) &&
    among("source", data.sources) &&
    among("lang", data.languages) &&
    (!hours || Date.now() / 1000 - data.time <= hours * 3600) &&
    (!owner || (owner === "me" ? by === me : by === undefined))
  );
}

function upsert(data: RowData): void {
  if (!wanted(data) || leaving.has(data.id)) {
    remove(data.id);
    return;
  }
  const { html, ...entry } = data;
  const fresh = list.put(entry, html);
  if (entry.id === list.selected) showPeek();
  if (fresh && loaded && view === "todo") announce(entry);
  changed();
}

function announce(entry: IndexEntry): void {
  const row = list.row(entry.id);
  alarm({
    id: entry.id,
    level: entry.level,
    title: row?.querySelector(".category")?.textContent ?? "",
    text: row?.querySelector(".headline")?.textContent ?? "",
  });
}

function remove(id: string): void {
  checked.delete(id);
  list.remove(id);
  changed();
}

const MAP_AFTER_MS = 120; // the row is on screen before thousands of circles are drawn anew
const MAP_EVERY_MS = 500;
let due = 0;
let mapDue = 0;
let mapDrawn = 0;
function changed(): void {
  if (due) return;
  due = requestAnimationFrame(() => {
    due = 0;
    need("count").textContent = String(list.entries.length);
    need("empty").hidden = list.entries.length > 0;
    showUnseen();
    showBulk();
  });
  const rest = mapDrawn + MAP_EVERY_MS - performance.now();
  mapDue ||= window.setTimeout(
    () => {
      mapDue = 0;
      mapDrawn = performance.now();
      drawMap();
    },
    Math.max(MAP_AFTER_MS, rest),
  );
}

function drawMap(): void {
  const placed = list.entries.filter((entry) => entry.at !== null);
  map.setItems(
    placed.map(({ id, at, level, report_state, verdict }) => ({
      id,
      kind: "event",
      lat: at?.[0] ?? 0,
      lon: at?.[1] ?? 0,
      radius: at?.[2] ?? 0,
      level,
      state: report_state,
      faint: verdict !== null && view === "all",
    })),
  );
  const note = need("map-note");
  note.hidden = placed.length === list.entries.length;
  note.textContent = say("js.no_place_n", { n: list.entries.length - placed.length });
}

function showUnseen(): void {
  above.hidden = list.unseen.size === 0;
  above.textContent = say("js.new_above", { n: list.unseen.size });
}

function showPeek(): void {
  const row = list.row(list.selected);
  peek.hidden = !row;
  need("peek-none").hidden = row !== null;
  const what = row?.querySelector(".what");
  peekBody.replaceChildren(...(what ? [what.cloneNode(true)] : []));
  if (!row) return;
  need<HTMLAnchorElement>("peek-open").href = `/events/${list.selected}`;
  const decided = list.entry(list.selected)?.verdict !== null;
  const owner = owners.get(list.selected ?? "");
  for (const button of peek.querySelectorAll<HTMLElement>("[data-act]")) {
    const act = button.dataset.act ?? "";
    button.hidden =
      act === "break" ? !owner || owner === me : decided && act !== "note" && act !== "undo";
  }
}

function showBulk(): void {
  if (!bar) return;
  bar.hidden = checked.size === 0;
  need("bulk-count").textContent = say("js.chosen_n", { n: checked.size });
}

// -- what is decided ----------------------------------------------------------------------

const told = (): string =>
  checked.size
    ? say("js.chosen_n", { n: checked.size })
    : (list.row(list.selected)?.querySelector(".headline")?.textContent ?? "");

async function wish(kind: string): Promise<Wish | null> {
  if (kind === "reject") return withKind(kind, await askReason(told()));
  if (kind === "snooze") return withKind(kind, await askSnooze(told()));
  if (kind === "category") return withKind(kind, await askCategory(told()));
  if (kind === "note") return withKind(kind, await askNote(told()));
  return { kind };
}

const withKind = (kind: string, more: Omit<Wish, "kind"> | null): Wish | null =>
  more && { kind, ...more };

const LEAVES = new Set(["confirm", "reject", "snooze"]);

async function act(kind: string): Promise<void> {
  if (!decides) return;
  if (kind === "undo") return void undo(await lastAct());
  if (kind === "take") return toggleClaim();
  if (kind === "break") return void breakClaim(list.selected ?? "");
  if (checked.size) return bulk(kind);
  const entry = list.entry(list.selected);
  if (!entry || (entry.verdict !== null && kind !== "note")) return;
  const what = await wish(kind);
  if (!what) return;
  if (LEAVES.has(kind)) leaving.add(entry.id);
  const done = await decide(entry, what, { onUndo: (one: Act) => void undo(one) });
  leaving.delete(entry.id);
  if (done && (done.gone || (LEAVES.has(kind) && view === "todo"))) remove(entry.id);
}

async function bulk(kind: string): Promise<void> {
  const entries = [...checked].map((id) => list.entry(id)).filter((e): e is IndexEntry => e !== null);
  const what = await wish(kind);
  if (!what || !entries.length) return;
  const done = await decideMany(entries, what, { onUndo: (one) => void undo(one) });
  for (const id of done) {
    checked.delete(id);
    if (LEAVES.has(kind) && view === "todo") remove(id);
  }
  list.draw();
  showBulk();
}

async function toggleClaim(): Promise<void> {
  const id = list.selected;
  if (id === null) return;
  if (owners.get(id) === me) await release(id);
  else if (await take(id)) own(id, me);
}

function own(id: string, by: string | null): void {
  if (by === null) owners.delete(id);
  else owners.set(id, by);
  list.draw();
  if (id === list.selected) showPeek();
  const owner = given.get("owner");
  if (owner === "free" && by !== null) remove(id);
}

function check(id: string | null): void {
  if (!decides || id === null) return;
  if (!checked.delete(id)) checked.add(id);
  list.draw();
  showBulk();
}

function checkTo(step: number): void {
  if (list.selected !== null) checked.add(list.selected);
  list.move(step);
  if (list.selected !== null) checked.add(list.selected);
  list.draw();
  showBulk();
}

function clear(): void {
  if (checked.size) {
    checked.clear();
    list.draw();
    showBulk();
  } else list.select(null);
}

const open = (id: string | null): void => {
  if (id !== null) location.assign(`/events/${id}`);
};

// -- the live stream ----------------------------------------------------------------------

interface IndexAnswer {
  position: string;
  events: IndexEntry[];
  claims: Record<string, string>;
}

async function load(): Promise<void> {
  const answer = await get<IndexAnswer>(`/api/queue/index?${chosen()}`);
  if (!answer) return;
  for (const [id, by] of Object.entries(answer.claims)) owners.set(id, by);
  list.replace(answer.events, loaded);
  if (!loaded) again();
  loaded = true;
  document.documentElement.dataset.loaded = "true";
  changed();
}

// Back from an event: the row that was opened is chosen again.
function again(): void {
  const before = sessionStorage.getItem("queue-row");
  if (before && list.selected === null && !phone.matches && list.index(before) >= 0) {
    list.select(before);
  }
}

follow(box.dataset.position ?? "", {
  row: upsert,
  gone: ({ id }) => remove(id),
  reset: () => location.reload(),
  claim: ({ id, by }) => own(id, by),
  reconnected: (broken) => {
    if (broken) void load();
  },
});
void load();

// -- hands --------------------------------------------------------------------------------

const rowAt = (target: EventTarget | null): string | null =>
  (target instanceof Element && target.closest<HTMLElement>(".row")?.dataset.id) || null;

box.addEventListener("pointerover", (event) => {
  list.pointed = event.pointerType === "mouse" ? rowAt(event.target) : null;
});
box.addEventListener("pointerleave", () => {
  list.pointed = null;
  list.draw();
});
box.addEventListener("click", (event) => {
  const id = rowAt(event.target);
  if (id === null) return;
  if (event.shiftKey || event.ctrlKey || event.metaKey) check(id);
  else if (phone.matches) open(id);
  else list.select(id, false);
});
box.addEventListener("dblclick", (event) => open(rowAt(event.target)));
above.addEventListener("click", () => {
  list.pointed = null;
  box.scrollTo({ top: 0 });
});
filters.addEventListener("change", () => location.assign(`/queue?${chosen()}`));
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  const kept = chosen();
  const button = event.submitter as HTMLButtonElement | null;
  if (button?.name === "view") kept.set("view", button.value);
  location.assign(`/queue?${kept}`);
});
for (const button of document.querySelectorAll<HTMLElement>("#peek [data-act], #bulk [data-act]")) {
  button.addEventListener("click", () => void act(button.dataset.act ?? ""));
}
find("bulk-clear")?.addEventListener("click", clear);
need("map-toggle").addEventListener("click", (event) => {
  const on = document.body.classList.toggle("map-open");
  (event.currentTarget as HTMLElement).setAttribute("aria-pressed", String(on));
  map.resize();
});
keys({
  KeyJ: () => list.move(1),
  KeyK: () => list.move(-1),
  ArrowDown: () => list.move(1),
  ArrowUp: () => list.move(-1),
  "Shift+KeyJ": () => decides && checkTo(1),
  "Shift+KeyK": () => decides && checkTo(-1),
  PageDown: () => list.move(10),
  PageUp: () => list.move(-10),
  Home: () => list.select(list.entries[0]?.id ?? null),
  End: () => list.select(list.entries.at(-1)?.id ?? null),
  Enter: () => open(list.selected),
  Space: () => check(list.selected),
  KeyC: () => act("confirm"),
  KeyX: () => act("reject"),
  KeyZ: () => act("snooze"),
  KeyE: () => act("category"),
  KeyA: () => act("note"),
  KeyT: () => act("take"),
  KeyU: () => act("undo"),
  Escape: clear,
});
bell();
savedViews(view, chosen);
sessionStorage.setItem("queue-search", location.search);
changed();
again();
document.documentElement.dataset.ready = "true";
