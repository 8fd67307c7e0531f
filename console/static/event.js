// The event page: its map, its decisions, and word of newer versions.

import { askReason, decide, undo } from "./decide.js";
import { follow } from "./live.js";
import { EventMap } from "./map.js";
import { keys, lang, say, texts, toast } from "./shell.js";

const page = document.getElementById("event");
const event = { id: page.dataset.id, version: Number(page.dataset.version) };
const newest = page.dataset.newest === "true";
const mark = `decided-${event.id}`;
const OWN_MS = 6_000;
const back = document.getElementById("back");
back.search = sessionStorage.getItem("queue-search") ?? "";
let busy = false;

const number = (text) => Number(text);
const items = [...document.querySelectorAll("#map-items li")].map(({ dataset }) => ({
  ...dataset,
  lat: number(dataset.lat),
  lon: number(dataset.lon),
  radius: number(dataset.radius),
}));
const map = new EventMap(document.getElementById("map"), { lang, texts, onSelect: () => {} });
map.load();
map.setItems(items);
const main = items.find((item) => item.kind === "event");
if (main) map.show(main.lat, main.lon, Math.max(2_500, main.radius * 2.2));

async function act(kind, member) {
  const button = document.querySelector(`[data-act="${kind}"]`);
  if (busy || !newest || !button) return;
  busy = true;
  try {
    const done = await send(kind, member);
    if (!done) return;
    sessionStorage.setItem(mark, String(Date.now()));
    location.reload();
  } finally {
    busy = false;
  }
}

async function send(kind, member) {
  if (kind === "undo") return undo({ event: event.id, id: undefined });
  if (kind === "reject") {
    const why = await askReason(document.querySelector(".lead-text").textContent);
    return why && decide(event, { kind, ...why });
  }
  return decide(event, member ? { kind, members: [member] } : { kind });
}

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => act(button.dataset.act, button.dataset.member));
}

const changed = document.getElementById("banner-changed");
follow(page.dataset.position, {
  row: (data) => {
    if (data.id !== event.id || data.version <= event.version || !newest) return;
    // What one's own decision brought about is shown at once; what others did is announced.
    const own = Date.now() - Number(sessionStorage.getItem(mark)) < OWN_MS;
    if (own && !document.querySelector("dialog[open]")) location.reload();
    else changed.hidden = false;
  },
  gone: ({ id }) => {
    if (id === event.id) location.reload();
  },
  reset: () => {},
});

keys({
  KeyC: () => act("confirm"),
  KeyX: () => act("reject"),
  KeyU: () =>
    document.querySelector('[data-act="undo"]') ? act("undo") : toast(say("js.nothing_to_undo")),
  Escape: () => back.click(),
});
document.documentElement.dataset.ready = "true";
