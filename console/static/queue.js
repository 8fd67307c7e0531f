// The live queue beside the map.

import { askReason, decide, lastDecision, undo } from "./decide.js";
import { follow } from "./live.js";
import { EventMap } from "./map.js";
import { keys, lang, refreshAges, say, texts, toast } from "./shell.js";

const list = document.getElementById("rows");
const { view } = list.dataset;
const decides = document.body.classList.contains("decides");
const filters = document.getElementById("filters");
const above = document.getElementById("new-above");
const peek = document.getElementById("peek");
const spacer = document.createElement("li");
spacer.className = "spacer";
spacer.setAttribute("role", "presentation");
list.append(spacer);

let selected = null;
let pointed = null; // the row under the mouse
const unseen = new Set();
const leaving = new Set();
const phone = matchMedia("(max-width: 760px)");

const rows = () => [...list.querySelectorAll(".row")];
const rowOf = (id) => document.getElementById(`e-${id}`);
const idOf = (row) => row.dataset.id;

const map = new EventMap(document.getElementById("map"), {
  lang,
  texts,
  onSelect: (id) => select(rowOf(id), { scroll: true }),
});
map.load();

function wanted(data) {
  const { category, state } = Object.fromEntries(new FormData(filters));
  return (
    data.views.includes(view) &&
    (!category || data.category === category) &&
    (!state || data.state === state)
  );
}

function order(a, b) {
  const by = view === "todo" ? "priority" : "time";
  return Number(b.dataset[by]) - Number(a.dataset[by]) || (idOf(a) < idOf(b) ? -1 : 1);
}

// Changes the list without moving what the hand is on: the row under the mouse, else the selected
// one, else the first one seen.
function steadily(change) {
  const top = list.getBoundingClientRect().top;
  const seen = rows().find((row) => row.getBoundingClientRect().bottom > top + 1);
  const atTop = list.scrollTop < 2;
  const held = [pointed, selected, atTop ? null : seen].find(
    (row) => row?.isConnected && inSight(row),
  );
  const before = held?.getBoundingClientRect().top;
  change(held);
  if (!held?.isConnected) return;
  const by = held.getBoundingClientRect().top - before;
  if (Math.abs(by) < 1) return;
  const room = list.scrollHeight - list.clientHeight - list.scrollTop;
  if (by > room) spacer.style.height = `${spacer.offsetHeight + by - room}px`;
  list.scrollTop += by;
}

function inSight(row) {
  const box = list.getBoundingClientRect();
  const { top, bottom } = row.getBoundingClientRect();
  return bottom > box.top + 4 && top < box.bottom - 4;
}

function place(row, held) {
  // What the hand is on stays where it is even when its priority changed.
  if (row === held && row.isConnected) return;
  const next = rows().find((other) => other !== row && order(row, other) < 0);
  list.insertBefore(row, next ?? spacer);
}

function upsert(data) {
  const old = rowOf(data.id);
  if (old && Number(old.dataset.version) > data.version) return;
  if (!wanted(data) || leaving.has(data.id)) {
    remove(data.id);
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = data.html; // rendered and escaped by the server
  const row = template.content.querySelector(".row");
  refreshAges(template.content);
  steadily((held) => {
    if (old) {
      const wasHeld = old === held;
      row.setAttribute("aria-selected", old.getAttribute("aria-selected"));
      const moved = order(old, row) !== 0 && !wasHeld;
      for (const { name } of [...old.attributes]) old.removeAttribute(name);
      for (const { name, value } of [...row.attributes]) old.setAttribute(name, value);
      old.replaceChildren(...row.childNodes);
      if (moved) place(old, held);
      if (old === selected) showPeek();
      return;
    }
    row.classList.add("new");
    row.addEventListener("animationend", () => row.classList.remove("new"), { once: true });
    place(row, held);
  });
  if (!old && !inSight(row)) unseen.add(row.dataset.id);
  changed();
}

function remove(id) {
  const row = rowOf(id);
  unseen.delete(id);
  if (!row) return;
  const next = row === selected ? neighbour(row, 1) ?? neighbour(row, -1) : null;
  if (pointed === row) pointed = null;
  steadily(() => row.remove());
  if (row === selected) {
    selected = null;
    select(next, { scroll: false });
  }
  changed();
}

let due = 0;
function changed() {
  if (due) return;
  due = requestAnimationFrame(() => {
    due = 0;
    const all = rows();
    document.getElementById("count").textContent = all.length;
    document.getElementById("empty").hidden = all.length > 0;
    drawMap(all);
    showUnseen();
  });
}

function drawMap(all) {
  const placed = all.filter((row) => row.dataset.lat);
  map.setItems(
    placed.map((row) => ({
      id: idOf(row),
      kind: "event",
      lat: Number(row.dataset.lat),
      lon: Number(row.dataset.lon),
      radius: Number(row.dataset.radius),
      level: row.dataset.level,
      state: row.dataset.state,
      faint: row.dataset.verdict !== "" && view === "all",
    })),
  );
  const note = document.getElementById("map-note");
  note.hidden = placed.length === all.length;
  note.textContent = say("js.no_place_n", { n: all.length - placed.length });
}

function showUnseen() {
  const top = list.getBoundingClientRect().top;
  for (const id of unseen) {
    const row = rowOf(id);
    if (!row || row.getBoundingClientRect().bottom > top + 4) unseen.delete(id);
  }
  above.hidden = unseen.size === 0;
  above.textContent = say("js.new_above", { n: unseen.size });
  if (list.scrollTop < 2 && !pointed) spacer.style.height = "";
}

function neighbour(row, step) {
  const all = rows();
  return all[all.indexOf(row) + step] ?? null;
}

function select(row, { scroll = true } = {}) {
  selected?.setAttribute("aria-selected", "false");
  selected = row;
  if (row) {
    row.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", row.id);
    if (scroll) row.scrollIntoView({ block: "nearest" });
  } else list.removeAttribute("aria-activedescendant");
  map.select(row ? idOf(row) : null);
  sessionStorage.setItem("queue-row", row ? idOf(row) : "");
  showPeek();
}

function showPeek() {
  peek.hidden = !selected;
  document.getElementById("peek-none").hidden = selected !== null;
  if (!selected) {
    document.getElementById("peek-body").replaceChildren();
    return;
  }
  const body = selected.querySelector(".what").cloneNode(true);
  document.getElementById("peek-body").replaceChildren(body);
  document.getElementById("peek-open").href = `/events/${idOf(selected)}`;
  const decided = selected.dataset.verdict !== "";
  for (const button of peek.querySelectorAll("[data-act]")) button.hidden = decided;
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const index = selected ? all.indexOf(selected) + step : step > 0 ? 0 : all.length - 1;
  select(all[Math.min(all.length - 1, Math.max(0, index))]);
}

const open = (row) => row && location.assign(`/events/${idOf(row)}`);

async function verdict(kind) {
  const row = selected;
  if (!decides || !row || row.dataset.verdict !== "") return;
  const event = { id: idOf(row), version: Number(row.dataset.version) };
  let body = { kind };
  if (kind === "reject") {
    const why = await askReason(row.querySelector(".headline").textContent);
    if (!why) return;
    body = { ...body, ...why };
  }
  leaving.add(event.id);
  const done = await decide(event, body, { onUndo: takeBack });
  leaving.delete(event.id);
  if (done && view === "todo") remove(event.id);
}

async function takeBack(done) {
  if (!done) {
    toast(say("js.nothing_to_undo"));
    return;
  }
  await undo(done);
}

async function loadAnew() {
  location.reload();
}

// What vanished while nobody told us, a change of audience for one, is dropped after a break.
async function reconcile() {
  const answer = await fetch(`/api/queue${location.search}`);
  if (!answer.ok) return;
  const there = new Set((await answer.json()).events.map((event) => event.id));
  for (const row of rows()) if (!there.has(idOf(row))) remove(idOf(row));
}

follow(list.dataset.position, {
  row: upsert,
  gone: ({ id }) => remove(id),
  reset: loadAnew,
  reconnected: reconcile,
});

list.addEventListener("pointerover", (event) => {
  pointed = event.pointerType === "mouse" ? event.target.closest(".row") : null;
});
list.addEventListener("pointerleave", () => {
  pointed = null;
  showUnseen();
});
list.addEventListener("scroll", showUnseen, { passive: true });
list.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row) return;
  if (phone.matches) open(row);
  else select(row, { scroll: false });
});
list.addEventListener("dblclick", (event) => open(event.target.closest(".row")));
above.addEventListener("click", () => {
  pointed = null;
  list.scrollTo({ top: 0 });
});
for (const choice of filters.querySelectorAll("select")) {
  choice.addEventListener("change", () => {
    const kept = new URLSearchParams({ view });
    for (const { name, value } of filters.querySelectorAll("select")) if (value) kept.set(name, value);
    location.assign(`/queue?${kept}`);
  });
}
filters.addEventListener("submit", (event) => {
  event.preventDefault();
  const kept = new URLSearchParams({ view: event.submitter?.value ?? view });
  for (const { name, value } of filters.querySelectorAll("select")) if (value) kept.set(name, value);
  location.assign(`/queue?${kept}`);
});
for (const button of peek.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => verdict(button.dataset.act));
}
document.getElementById("map-toggle").addEventListener("click", (event) => {
  const on = document.body.classList.toggle("map-open");
  event.currentTarget.setAttribute("aria-pressed", String(on));
  map.resize();
});
keys({
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Enter: () => open(selected),
  KeyC: () => verdict("confirm"),
  KeyX: () => verdict("reject"),
  KeyU: () => decides && takeBack(lastDecision()),
  Escape: () => select(null),
});
sessionStorage.setItem("queue-search", location.search);
const before = rowOf(sessionStorage.getItem("queue-row"));
if (before && !phone.matches) select(before);
changed();
document.documentElement.dataset.ready = "true";
