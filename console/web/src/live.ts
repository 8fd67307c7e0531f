// The live stream: the browser resumes it by itself from the last position it heard.

import { find, say, setTime } from "./page";

const QUIET_MS = 16_000; // the server says something every five seconds

export type At = [number, number, number];

export interface IndexEntry {
  id: string;
  version: number;
  priority: number;
  time: number;
  level: string;
  report_state: string;
  verdict: string | null;
  at: At | null;
}

export interface RowData extends IndexEntry {
  views: string[];
  category: string;
  state: string;
  region: string | null;
  sources: string[];
  languages: string[];
  html: string;
}

export interface Handlers {
  row: (data: RowData) => void;
  gone: (data: { id: string }) => void;
  reset: () => void;
  claim?: (data: { id: string; by: string | null }) => void;
  pulse?: (data: Pulse) => void;
  reconnected?: (broken: boolean) => void;
}

export interface Pulse {
  now: string;
  silent: string[];
  counts: Record<string, number>;
  overdue?: number;
}

export function follow(position: string, handlers: Handlers): void {
  const sign = find("live");
  const lost = find("banner-lost");
  const silent = find("banner-silent");
  const overdue = find("banner-overdue");
  let last = position;
  let heard = performance.now();
  let broken = false;
  let source = open();

  function state(name: string): void {
    if (sign && sign.dataset.state !== name) {
      sign.dataset.state = name;
      sign.title = say(`js.${name}`);
      if (sign.lastElementChild) sign.lastElementChild.textContent = sign.title;
    }
    if (lost) lost.hidden = name !== "lost";
  }

  function pulse(data: Pulse): void {
    setTime(data.now);
    handlers.pulse?.(data);
    const list = silent?.querySelector("b");
    if (silent && list) {
      silent.hidden = data.silent.length === 0;
      list.textContent = data.silent.join(", ");
    }
    const count = overdue?.querySelector("b");
    if (overdue && count) {
      overdue.hidden = !data.overdue;
      count.textContent = String(data.overdue ?? 0);
    }
  }

  function open(): EventSource {
    const made = new EventSource(`/api/stream?after=${encodeURIComponent(last)}`);
    const listen = <T>(name: string, handle: (data: T) => void): void => {
      made.addEventListener(name, (event) => {
        const message = event as MessageEvent<string>;
        heard = performance.now();
        if (message.lastEventId) last = message.lastEventId;
        handle(JSON.parse(message.data) as T);
      });
    };
    made.onopen = () => {
      heard = performance.now();
      state("live");
      handlers.reconnected?.(broken);
      broken = false;
    };
    made.onerror = () => {
      broken = true;
      state("lost");
      // Refused for good: after a sign-out, say. The page itself then leads to the sign-in.
      if (made.readyState === EventSource.CLOSED) setTimeout(again, 5_000);
    };
    listen("row", handlers.row);
    listen("gone", handlers.gone);
    listen("reset", handlers.reset);
    listen("claim", handlers.claim ?? (() => {}));
    listen("pulse", pulse);
    return made;
  }

  function again(): void {
    source.close();
    source = open();
  }

  setInterval(() => {
    if (source.readyState === EventSource.OPEN && performance.now() - heard > QUIET_MS) {
      broken = true;
      state("lost");
      again();
    }
  }, 2_000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && again());
}
