// Sending decisions, one or many, and what happens when the event changed meanwhile.

import { askStale, sure, type StaleChange } from "./ask";
import { forget } from "./claims";
import { post, say, toast, word } from "./page";

export interface Wish {
  kind: string;
  reason?: string;
  words?: string | null;
  members?: string[];
  undoes?: string;
  point?: { lat: number; lon: number; radius_m: number };
  snooze_min?: number;
  category?: string;
  other?: string;
  other_version?: number;
}

export interface Known {
  id: string;
  version: number | null;
}

export interface Decided {
  id: string;
  event: string;
  version: number;
  decided: string | null;
  gone: boolean;
}

interface Refusal {
  detail?: unknown;
  version?: number;
  changes?: StaleChange[];
  held_by?: string;
}

// What can be undone, the newest last: each one decision or a batch of them.
export interface Act {
  kind: string;
  items: { event: string; id: string }[];
}
const KEPT = "acts";
const MAX_ACTS = 100;

function acts(): Act[] {
  return JSON.parse(sessionStorage.getItem(KEPT) ?? "[]") as Act[];
}

function remember(act: Act): void {
  sessionStorage.setItem(KEPT, JSON.stringify([...acts(), act].slice(-MAX_ACTS)));
}

// Decisions on their way: an undo waits for them, however fast the hand is.
const pending = new Set<Promise<unknown>>();

function tracked<T>(work: Promise<T>): Promise<T> {
  pending.add(work);
  return work.finally(() => pending.delete(work));
}

export async function lastAct(): Promise<Act | null> {
  await Promise.allSettled([...pending]);
  return acts().at(-1) ?? null;
}

const WORDS: Record<string, string> = {
  confirm: "js.confirmed",
  reject: "js.rejected",
  link: "js.linked",
  unlink: "js.unlinked",
  unsure: "js.unsure",
  merge: "js.merged",
  split: "js.split",
  move: "js.moved",
  snooze: "js.snoozed",
  category: "js.recategorised",
  note: "js.noted",
};

function told(answer: { data: Refusal } | null): string {
  const detail = answer?.data.detail;
  return typeof detail === "string" ? detail : say("js.failed");
}

const secret = (wish: Wish): boolean =>
  wish.category === "police_corruption" && !document.querySelector(".seal");

interface DecideOptions {
  onUndo?: ((act: Act) => void) | null;
}

// Sends a decision; gives the answer, or null when nothing was decided.
export const decide = (
  event: Known,
  wish: Wish,
  options: DecideOptions = {},
): Promise<Decided | null> => tracked(send(event, wish, options));

async function send(
  event: Known,
  wish: Wish,
  { onUndo = null }: DecideOptions,
): Promise<Decided | null> {
  if (secret(wish) && !sure("js.hand_over")) return null;
  const path = `/api/events/${event.id}/decisions`;
  const ask = (version: number | null) =>
    post<Decided & Refusal>(path, { ...wish, version, request: word() }).catch(() => null);
  let answer = await ask(event.version);
  if (answer?.status === 409 && !answer.data.held_by) {
    const changes = answer.data.changes ?? [];
    // Nothing that a person would weigh: the event is the same, its figures moved.
    const choice = changes.length ? await askStale(changes) : "again";
    if (choice === "look") location.assign(`/events/${event.id}`);
    if (choice !== "again") return null;
    answer = await ask(answer.data.version ?? null);
  }
  if (answer?.status !== 200) {
    toast(told(answer), { bad: true });
    return null;
  }
  const done = answer.data;
  const act: Act = { kind: wish.kind, items: [{ event: done.event, id: done.id }] };
  remember(act);
  if (wish.kind === "confirm" || wish.kind === "reject") forget(event.id);
  toast(say(done.gone ? "js.handed_over" : WORDS[wish.kind] ?? "js.done"), {
    label: say("js.undo"),
    action: onUndo && !done.gone ? () => onUndo(act) : null,
    href: wish.kind === "confirm" ? `/events/${event.id}/card` : "",
  });
  return done;
}

interface BulkAnswer {
  batch: string;
  items: (Partial<Decided> & { event: string; status: number; detail?: unknown })[];
}

// The same decision on many events; the ids of those that were decided.
export const decideMany = (
  events: Known[],
  wish: Wish,
  options: DecideOptions,
): Promise<string[]> => tracked(sendMany(events, wish, options));

async function sendMany(
  events: Known[],
  wish: Wish,
  { onUndo = null }: DecideOptions,
): Promise<string[]> {
  if (secret(wish) && !sure("js.hand_over")) return [];
  const answer = await post<BulkAnswer>("/api/decisions", {
    wish: { ...wish, request: word() },
    items: events.map(({ id, version }) => ({ event: id, version })),
  }).catch(() => null);
  if (answer?.status !== 200) {
    toast(say("js.failed"), { bad: true });
    return [];
  }
  const done = answer.data.items.filter((item) => item.status === 200);
  const act: Act = {
    kind: wish.kind,
    items: done.map((item) => ({ event: item.event, id: String(item.id) })),
  };
  if (done.length) remember(act);
  for (const item of done) forget(item.event);
  const refused = answer.data.items.length - done.length;
  toast(say("js.bulk_done", { n: done.length }), {
    label: say("js.undo"),
    action: done.length && onUndo ? () => onUndo(act) : null,
  });
  if (refused) toast(say("js.bulk_refused", { n: refused }), { bad: true });
  return done.map((item) => item.event);
}

// An undo names the decisions, not a version: it takes back what was done, whatever came since.
export async function undo(act: Act | null): Promise<boolean> {
  if (!act) {
    toast(say("js.nothing_to_undo"));
    return false;
  }
  const answer = await post<BulkAnswer>("/api/decisions", {
    wish: { kind: "undo", request: word() },
    items: act.items.map(({ event, id }) => ({ event, undoes: id })),
  }).catch(() => null);
  const back = answer?.status === 200 ? answer.data.items.filter((i) => i.status === 200) : [];
  if (!back.length) {
    toast(say("js.failed"), { bad: true });
    return false;
  }
  const key = act.items[0]?.id;
  sessionStorage.setItem(KEPT, JSON.stringify(acts().filter((one) => one.items[0]?.id !== key)));
  toast(back.length > 1 ? say("js.undone_n", { n: back.length }) : say("js.undone"));
  return true;
}
