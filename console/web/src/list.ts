// A list of any length of which only what is in sight is drawn. What the hand is on stays where
// it is: the row under the mouse, else the selected one, else the first one seen.

import { get, refreshAges, say } from "./page";
import type { IndexEntry } from "./live";

const SPARE = 8; // rows drawn above and below those in sight
const BATCH = 60;

export interface ListOptions {
  byTime: boolean;
  onSelect: (id: string | null) => void;
  onDraw: () => void;
  decorate: (row: HTMLElement, id: string) => void;
}

interface RowsAnswer {
  [id: string]: { version: number; html: string };
}

type Compare = (a: IndexEntry, b: IndexEntry) => number;

export class RowList {
  entries: IndexEntry[] = [];
  selected: string | null = null;
  pointed: string | null = null;
  readonly unseen = new Set<string>();
  private readonly rows = new Map<string, HTMLElement>();
  private readonly above = spacer();
  private readonly below = spacer();
  private readonly compare: Compare;
  private height: number;
  private extra = 0;
  private asked = new Set<string>();
  private waiting = 0;

  constructor(
    readonly box: HTMLElement,
    private readonly options: ListOptions,
  ) {
    const by = (entry: IndexEntry): number => (options.byTime ? entry.time : entry.priority);
    this.compare = (a, b) => by(b) - by(a) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    for (const row of box.querySelectorAll<HTMLElement>(".row")) {
      const entry = entryOf(row);
      this.rows.set(entry.id, row);
      this.entries.push(entry);
    }
    this.height = this.measured();
    box.prepend(this.above);
    box.append(this.below);
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => {
      this.height = this.measured();
      this.draw();
    }).observe(box);
    this.paint();
  }

  private measured(): number {
    return parseFloat(getComputedStyle(this.box).getPropertyValue("--row-h")) || 78;
  }

  index(id: string | null): number {
    return id === null ? -1 : this.entries.findIndex((entry) => entry.id === id);
  }

  entry(id: string | null): IndexEntry | null {
    return this.entries[this.index(id)] ?? null;
  }

  row(id: string | null): HTMLElement | null {
    return (id !== null && this.rows.get(id)) || null;
  }

  // -- changing ---------------------------------------------------------------------------

  // Takes over the whole queue in its order, as the server has it. `news`: what was not there
  // before came while nobody told us.
  replace(entries: IndexEntry[], news: boolean): void {
    const before = new Set(this.entries.map((entry) => entry.id));
    this.steadily(() => {
      this.entries = entries;
    });
    const first = Math.floor(this.box.scrollTop / this.height);
    if (news) {
      for (const { id } of entries.slice(0, first)) if (!before.has(id)) this.unseen.add(id);
    }
    const there = new Set(entries.map((entry) => entry.id));
    for (const id of this.rows.keys()) if (!there.has(id)) this.rows.delete(id);
    for (const id of this.unseen) if (!there.has(id)) this.unseen.delete(id);
    if (this.selected !== null && !there.has(this.selected)) this.select(null);
    this.draw();
  }

  // A row that came or changed; whether it is new.
  put(entry: IndexEntry, html: string): boolean {
    const old = this.entry(entry.id);
    if (old && old.version > entry.version) return false;
    const row = made(html);
    if (!row) return false;
    this.rows.set(entry.id, row);
    const fresh = old === null;
    if (fresh) row.classList.add("new");
    this.steadily((held) => {
      // What the hand is on stays where it is even when its priority changed.
      if (old && (held === entry.id || this.compare(old, entry) === 0)) {
        this.entries[this.index(entry.id)] = entry;
        return;
      }
      if (old) this.entries.splice(this.index(entry.id), 1);
      this.entries.splice(this.place(entry), 0, entry);
    });
    if (fresh && !this.inSight(this.index(entry.id))) this.unseen.add(entry.id);
    this.draw();
    return fresh;
  }

  remove(id: string): void {
    const index = this.index(id);
    this.unseen.delete(id);
    if (index < 0) return;
    const next = this.entries[index + 1]?.id ?? this.entries[index - 1]?.id ?? null;
    if (this.pointed === id) this.pointed = null;
    const wasSelected = this.selected === id;
    this.steadily(() => this.entries.splice(index, 1));
    this.rows.delete(id);
    if (wasSelected) this.select(next, false);
    this.draw();
  }

  private place(entry: IndexEntry): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.entries[middle];
      if (other && this.compare(other, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private steadily(change: (held: string | null) => void): void {
    const top = this.box.scrollTop;
    const atTop = top < 2;
    const first = this.entries[Math.floor((top + 1) / this.height)]?.id ?? null;
    const held =
      [this.pointed, this.selected, atTop ? null : first].find(
        (id): id is string => id !== null && this.inSight(this.index(id)),
      ) ?? null;
    const offset = this.index(held) * this.height - top;
    change(held);
    const index = this.index(held);
    if (held === null || index < 0) return;
    const wanted = index * this.height - offset;
    const room = this.entries.length * this.height - this.box.clientHeight;
    this.extra = Math.max(0, wanted - room);
    this.paint();
    this.box.scrollTop = wanted;
  }

  private inSight(index: number): boolean {
    if (index < 0) return false;
    const top = index * this.height - this.box.scrollTop;
    return top + this.height > 4 && top < this.box.clientHeight - 4;
  }

  // -- choosing ---------------------------------------------------------------------------

  select(id: string | null, scroll = true): void {
    this.row(this.selected)?.setAttribute("aria-selected", "false");
    this.selected = this.index(id) < 0 ? null : id;
    if (this.selected !== null && scroll) this.reveal(this.selected);
    this.paint();
    const row = this.row(this.selected);
    row?.setAttribute("aria-selected", "true");
    if (row) this.box.setAttribute("aria-activedescendant", row.id);
    else this.box.removeAttribute("aria-activedescendant");
    this.options.onSelect(this.selected);
  }

  move(step: number): void {
    if (!this.entries.length) return;
    const index = this.index(this.selected);
    const last = this.entries.length - 1;
    const next = index < 0 ? (step > 0 ? 0 : last) : Math.min(last, Math.max(0, index + step));
    this.select(this.entries[next]?.id ?? null);
  }

  private reveal(id: string): void {
    const top = this.index(id) * this.height;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) {
      this.box.scrollTop = top + this.height - clientHeight;
    }
  }

  // -- drawing ----------------------------------------------------------------------------

  draw(): void {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
      this.see(); // not while rows move: what is above would count as seen
      this.options.onDraw();
    });
  }

  private paint(): void {
    const { scrollTop, clientHeight } = this.box;
    if (scrollTop < 2 && this.pointed === null) this.extra = 0;
    const count = this.entries.length;
    const start = Math.max(0, Math.floor(scrollTop / this.height) - SPARE);
    const end = Math.min(count, Math.ceil((scrollTop + clientHeight) / this.height) + SPARE);
    const shown = this.entries.slice(start, end);
    this.above.style.height = `${start * this.height}px`;
    this.below.style.height = `${Math.max(0, count - end) * this.height + this.extra}px`;
    const wanted = new Set(shown.map((entry) => entry.id));
    for (const row of [...this.box.children]) {
      const id = (row as HTMLElement).dataset.id;
      if (id !== undefined && (!wanted.has(id) || this.rows.get(id) !== row)) row.remove();
    }
    let next: Element | null = this.above.nextElementSibling;
    shown.forEach((entry, offset) => {
      const row = this.rows.get(entry.id) ?? this.blank(entry);
      if (row === next) next = next.nextElementSibling;
      else this.box.insertBefore(row, next);
      row.setAttribute("aria-setsize", String(count));
      row.setAttribute("aria-posinset", String(start + offset + 1));
      row.setAttribute("aria-selected", String(entry.id === this.selected));
      this.options.decorate(row, entry.id);
    });
    void this.fetch(shown);
  }

  private see(): void {
    const below = Math.floor((this.box.scrollTop + 4) / this.height);
    for (const id of this.unseen) if (this.index(id) >= below) this.unseen.delete(id);
  }

  private blank(entry: IndexEntry): HTMLElement {
    const row = document.createElement("li");
    row.className = `row blank ${entry.level}`;
    row.id = `e-${entry.id}`;
    row.dataset.id = entry.id;
    row.setAttribute("role", "option");
    row.setAttribute("aria-label", say("js.loading"));
    row.setAttribute("aria-busy", "true");
    this.rows.set(entry.id, row);
    return row;
  }

  private async fetch(shown: IndexEntry[]): Promise<void> {
    const missing = shown
      .map((entry) => entry.id)
      .filter((id) => this.rows.get(id)?.classList.contains("blank") && !this.asked.has(id))
      .slice(0, BATCH);
    if (!missing.length) return;
    for (const id of missing) this.asked.add(id);
    const query = new URLSearchParams(missing.map((id) => ["id", id]));
    const answer = await get<RowsAnswer>(`/api/queue/rows?${query}`);
    for (const id of missing) this.asked.delete(id);
    if (!answer) return;
    for (const [id, { html }] of Object.entries(answer)) {
      if (!this.rows.get(id)?.classList.contains("blank")) continue;
      const row = made(html);
      if (row) this.rows.set(id, row);
    }
    this.draw();
  }
}

function spacer(): HTMLLIElement {
  const item = document.createElement("li");
  item.className = "spacer";
  item.setAttribute("role", "presentation");
  return item;
}

// Rendered and escaped by the server.
function made(html: string): HTMLElement | null {
  const template = document.createElement("template");
  template.innerHTML = html;
  refreshAges(template.content);
  return template.content.querySelector<HTMLElement>(".row");
}

export function entryOf(row: HTMLElement): IndexEntry {
  const { id, version, priority, time, level, state, verdict, lat, lon, radius } = row.dataset;
  return {
    id: id ?? "",
    version: Number(version),
    priority: Number(priority),
    time: Number(time),
    level: level ?? "calm",
    report_state: state ?? "",
    verdict: verdict || null,
    at: lat && lon ? [Number(lat), Number(lon), Number(radius)] : null,
  };
}
