// Moving an event: the map moves under a circle in its middle, by hand or by arrows.

import type { EventMap } from "./map/map";
import type { Item } from "./map/painter";
import { find, say } from "./page";

export interface Place {
  point: { lat: number; lon: number; radius_m: number };
}

const STEP = 1.4;
const FRESH_M = 300;

export class Placing {
  private answer: ((place: Place | null) => void) | null = null;
  private circle: Item | null = null;
  private readonly bar = find("placing");

  constructor(
    private readonly map: EventMap,
    private readonly from: Item | null,
  ) {
    find("placing-ok")?.addEventListener("click", () => this.accept());
    find("placing-cancel")?.addEventListener("click", () => this.cancel());
    find("placing-wide")?.addEventListener("click", () => this.widen());
    find("placing-narrow")?.addEventListener("click", () => this.narrow());
  }

  get active(): boolean {
    return this.answer !== null;
  }

  ask(): Promise<Place | null> {
    const { lat, lon } = this.from ?? this.map.centre;
    this.circle = {
      id: "proposed",
      kind: "proposed",
      lat,
      lon,
      radius: Math.min(this.from?.radius ?? FRESH_M, 5_000),
    };
    if (this.bar) this.bar.hidden = false;
    this.map.propose(this.circle, () => this.tell());
    this.bar?.scrollIntoView({ block: "nearest" });
    return new Promise((answer) => {
      this.answer = answer;
    });
  }

  accept(): void {
    const { lat, lon } = this.map.centre;
    this.end({ point: { lat, lon, radius_m: this.circle?.radius ?? FRESH_M } });
  }

  cancel(): void {
    this.end(null);
  }

  widen(): void {
    if (this.active) this.map.widen(STEP);
    this.tell();
  }

  narrow(): void {
    if (this.active) this.map.widen(1 / STEP);
    this.tell();
  }

  private tell(): void {
    const line = find("placing-where");
    if (!line || !this.circle) return;
    const { lat, lon } = this.map.centre;
    line.textContent = `${lat.toFixed(5)}, ${lon.toFixed(5)} ±${say("js.m", { n: this.circle.radius })}`;
  }

  private end(place: Place | null): void {
    this.map.endProposal();
    if (this.bar) this.bar.hidden = true;
    this.answer?.(place);
    this.answer = null;
  }
}
