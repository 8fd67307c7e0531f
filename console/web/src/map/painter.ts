// Paints the map: the ground, and each event as the circle that covers the truth. Never a bare
// pin: a circle is at least as wide as can be hit, and as wide as it is uncertain.

import { lang, say } from "../page";
import { Labels, metresPerPixel, spot, type Box, type Spot } from "./geometry";
import type { Ground, Town } from "./ground";

const MIN_RADIUS_PX = 7;
const PULSE_MS = 2_400;
const COLOURS = [
  "map-sea", "map-land", "map-border", "map-town", "map-text", "map-halo",
  "urgent", "raised", "calm", "linked", "candidate", "nearby", "muted", "accent",
];

export interface Item {
  id: string;
  kind: string;
  lat: number;
  lon: number;
  radius: number;
  level?: string;
  state?: string;
  name?: string;
  faint?: boolean;
}
export type Drawn = Item & Spot;

export interface View {
  width: number;
  height: number;
  world: number; // pixels of the whole world's side
  zoom: number;
  left: number;
  top: number;
  tiles: boolean;
}

export class Painter {
  items: Drawn[] = [];
  selected: string | null = null;
  hovered: string | null = null;
  proposed: Item | null = null;
  ground: Ground = { regions: [], towns: [], places: [] };
  private colour: Record<string, string> = {};
  private font = "sans-serif";
  private pulse = new Map<string, number>();
  private readonly still = document.createElement("canvas");
  private view: View = { width: 0, height: 0, world: 1, zoom: 0, left: 0, top: 0, tiles: false };

  constructor(private readonly box: HTMLElement) {
    this.restyle();
  }

  restyle(): void {
    const style = getComputedStyle(this.box);
    this.colour = Object.fromEntries(
      COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim() || "#888"]),
    );
    this.font = style.fontFamily;
  }

  setItems(items: Item[]): void {
    const before = new Set(this.items.map((item) => item.id));
    const fresh = items.length - before.size;
    const there = new Set(items.map((item) => item.id));
    for (const id of this.pulse.keys()) if (!there.has(id)) this.pulse.delete(id);
    this.items = items
      .map((item) => ({ ...item, ...spot(item.lat, item.lon) }))
      .sort((a, b) => b.radius - a.radius);
    if (!before.size || fresh > 20) return;
    for (const item of this.items) {
      if (!before.has(item.id)) this.pulse.set(item.id, performance.now());
    }
  }

  screen({ x, y }: Spot): [number, number] {
    return [x * this.view.world - this.view.left, y * this.view.world - this.view.top];
  }

  radiusPx(item: Item): number {
    return Math.max(MIN_RADIUS_PX, item.radius / metresPerPixel(item.lat, this.view.world));
  }

  // The smallest circle under the pointer, so that a wide one never hides a precise one.
  at(sx: number, sy: number): Drawn | null {
    const hits = this.items.filter((item) => {
      const [x, y] = this.screen(item);
      return Math.hypot(x - sx, y - sy) <= this.radiusPx(item) + 3;
    });
    return hits.at(-1) ?? null;
  }

  // Whether something still moves and wants to be painted again. `fresh`: more than that has
  // changed; otherwise what stands still is copied from the last time.
  paint(c: CanvasRenderingContext2D, view: View, fresh: boolean): boolean {
    this.view = view;
    const { width, height } = c.canvas;
    if (fresh || this.still.width !== width || this.still.height !== height) {
      this.still.width = width;
      this.still.height = height;
      const base = this.still.getContext("2d");
      if (!base) return false;
      base.setTransform(c.getTransform());
      this.paintStill(base);
    }
    c.save();
    c.resetTransform();
    c.clearRect(0, 0, width, height);
    c.drawImage(this.still, 0, 0);
    c.restore();
    return this.paintPulses(c);
  }

  private paintStill(c: CanvasRenderingContext2D): void {
    const { tiles } = this.view;
    const labels = new Labels();
    if (!tiles) this.paintRegions(c);
    if (!tiles) this.paintTownDots(c);
    this.paintItems(c);
    this.paintItemNames(c, labels);
    if (!tiles) {
      this.paintTownNames(c, labels);
      this.paintPlaces(c, labels);
      this.paintWay(c);
    }
    this.paintScale(c);
  }

  private paintRegions(c: CanvasRenderingContext2D): void {
    c.fillStyle = this.colour["map-sea"] ?? "";
    c.fillRect(0, 0, this.view.width, this.view.height);
    c.lineJoin = "round";
    for (const region of this.ground.regions) {
      if (!this.visible(region.box)) continue;
      c.beginPath();
      for (const ring of region.rings) {
        ring.forEach((at, index) => {
          const [sx, sy] = this.screen(at);
          if (index) c.lineTo(sx, sy);
          else c.moveTo(sx, sy);
        });
        c.closePath();
      }
      c.fillStyle = this.colour["map-land"] ?? "";
      c.fill();
      c.strokeStyle = this.colour["map-border"] ?? "";
      c.lineWidth = 1;
      c.stroke();
    }
  }

  private visible(box: Box): boolean {
    const [west, north] = this.screen({ x: box.west, y: box.north });
    const [east, south] = this.screen({ x: box.east, y: box.south });
    return west < this.view.width && east > 0 && north < this.view.height && south > 0;
  }

  // How many people a town needs to be named at this zoom.
  private populationShown(): number {
    const { zoom } = this.view;
    if (zoom < 4.1) return 600_000;
    if (zoom < 4.8) return 190_000;
    if (zoom < 6) return 90_000;
    return zoom < 7.2 ? 30_000 : 0;
  }

  private shownTowns(): Town[] {
    const least = this.populationShown();
    return this.ground.towns.filter((town) => town.pop >= least && this.inside(town));
  }

  private inside(at: Spot): boolean {
    const [sx, sy] = this.screen(at);
    return sx > -2 && sy > -2 && sx < this.view.width + 2 && sy < this.view.height + 2;
  }

  private paintTownDots(c: CanvasRenderingContext2D): void {
    c.fillStyle = this.colour["map-town"] ?? "";
    for (const town of this.shownTowns()) {
      const [sx, sy] = this.screen(town);
      c.beginPath();
      c.arc(sx, sy, town.pop > 900_000 ? 3 : 2, 0, 2 * Math.PI);
      c.fill();
    }
  }

  private halo(c: CanvasRenderingContext2D, text: string, x: number, y: number): void {
    c.lineWidth = 3;
    c.strokeStyle = this.colour["map-halo"] ?? "";
    c.strokeText(text, x, y);
    c.fillText(text, x, y);
  }

  private paintTownNames(c: CanvasRenderingContext2D, labels: Labels): void {
    c.textBaseline = "middle";
    c.fillStyle = this.colour["map-text"] ?? "";
    for (const town of this.shownTowns()) {
      const [sx, sy] = this.screen(town);
      const size = town.pop > 900_000 ? 13 : 11.5;
      c.font = `${town.pop > 900_000 ? 600 : 400} ${size}px ${this.font}`;
      const width = c.measureText(town[lang]).width;
      const left = sx + 7 + width < this.view.width ? sx + 7 : sx - 7 - width;
      if (labels.free(left, sy - size / 2, width, size)) this.halo(c, town[lang], left, sy);
    }
  }

  private paintPlaces(c: CanvasRenderingContext2D, labels: Labels): void {
    c.textBaseline = "middle";
    c.font = `11px ${this.font}`;
    for (const place of this.ground.places) {
      if (this.view.zoom < place.from || !this.inside(place)) continue;
      const name = lang === "kk" ? place.names[1] : place.names[0];
      const [sx, sy] = this.screen(place);
      const width = c.measureText(name).width;
      if (!labels.free(sx - width / 2, sy - 6, width, 12)) continue;
      c.fillStyle = this.colour[place.line ? "map-town" : "map-text"] ?? "";
      this.halo(c, name, sx - width / 2, sy);
    }
  }

  private paintItems(c: CanvasRenderingContext2D): void {
    const chosen = this.items.find((item) => item.id === this.selected);
    for (const item of this.items) {
      const [sx, sy] = this.screen(item);
      const radius = this.radiusPx(item);
      if (sx + radius < 0 || sy + radius < 0) continue;
      if (sx - radius > this.view.width || sy - radius > this.view.height) continue;
      this.paintItem(c, item, sx, sy, radius);
    }
    if (chosen) {
      const [sx, sy] = this.screen(chosen);
      this.ring(c, sx, sy, this.radiusPx(chosen) + 4, this.colour["map-text"] ?? "", 2);
    }
    if (this.proposed) this.paintProposed(c, this.proposed);
  }

  private tint(item: Item): string {
    const name = item.kind === "event" ? (item.level ?? "calm") : item.kind;
    return this.colour[name] ?? this.colour["muted"] ?? "#888";
  }

  private paintItem(
    c: CanvasRenderingContext2D,
    item: Item,
    sx: number,
    sy: number,
    radius: number,
  ): void {
    const colour = this.tint(item);
    c.globalAlpha = item.faint ? 0.35 : 1;
    c.beginPath();
    c.arc(sx, sy, radius, 0, 2 * Math.PI);
    c.fillStyle = colour;
    c.globalAlpha *= item.kind === "event" ? 0.2 : 0.1;
    c.fill();
    c.globalAlpha = item.faint ? 0.4 : 1;
    c.lineWidth = item.id === this.hovered ? 3 : 1.6;
    c.strokeStyle = colour;
    c.setLineDash(item.kind === "nearby" || item.state === "unknown" ? [4, 3] : []);
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  private ring(
    c: CanvasRenderingContext2D,
    sx: number,
    sy: number,
    radius: number,
    colour: string,
    width: number,
  ): void {
    c.beginPath();
    c.arc(sx, sy, radius, 0, 2 * Math.PI);
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.stroke();
  }

  private paintPulses(c: CanvasRenderingContext2D): boolean {
    if (!this.pulse.size) return false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const item of this.items) {
      const begun = this.pulse.get(item.id);
      if (begun === undefined) continue;
      const part = (performance.now() - begun) / PULSE_MS;
      if (part >= 1 || calm) {
        this.pulse.delete(item.id);
        continue;
      }
      const wave = (part * 3) % 1;
      const [sx, sy] = this.screen(item);
      c.globalAlpha = 1 - wave;
      this.ring(c, sx, sy, this.radiusPx(item) + wave * 22, this.tint(item), 2);
      c.globalAlpha = 1;
    }
    return this.pulse.size > 0;
  }

  private paintProposed(c: CanvasRenderingContext2D, item: Item): void {
    const [sx, sy] = [this.view.width / 2, this.view.height / 2];
    const radius = item.radius / metresPerPixel(item.lat, this.view.world);
    const colour = this.colour["accent"] ?? "";
    c.setLineDash([6, 4]);
    this.ring(c, sx, sy, Math.max(3, radius), colour, 2.5);
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(sx - 9, sy);
    c.lineTo(sx + 9, sy);
    c.moveTo(sx, sy - 9);
    c.lineTo(sx, sy + 9);
    c.stroke();
  }

  private paintItemNames(c: CanvasRenderingContext2D, labels: Labels): void {
    c.font = `600 12.5px ${this.font}`;
    c.fillStyle = this.colour["map-text"] ?? "";
    c.textBaseline = "middle";
    for (const item of this.items) {
      if (!item.name) continue;
      const [sx, sy] = this.screen(item);
      const width = c.measureText(item.name).width;
      const [x, y] = [sx - width / 2, sy - this.radiusPx(item) - 11];
      if (labels.free(x, y - 7, width, 14)) this.halo(c, item.name, x, y);
    }
  }

  // Close up, where no town is in sight, the edge tells the way to the nearest one.
  private paintWay(c: CanvasRenderingContext2D): void {
    const { width, height, world, left, top, zoom } = this.view;
    if (zoom < 7.2 || this.shownTowns().length || !this.ground.towns.length) return;
    const centre = { x: (left + width / 2) / world, y: (top + height / 2) / world };
    const away = (one: Spot): number => Math.hypot(one.x - centre.x, one.y - centre.y);
    const town = this.ground.towns.reduce((best, one) => (away(one) < away(best) ? one : best));
    const [sx, sy] = this.screen(town);
    const [dx, dy] = [sx - width / 2, sy - height / 2];
    const stretch = Math.min((width / 2 - 62) / Math.abs(dx), (height / 2 - 26) / Math.abs(dy));
    const [x, y] = [width / 2 + dx * stretch, height / 2 + dy * stretch];
    const km = (away(town) * world * metresPerPixel(town.at[1], world)) / 1000;
    const told = `${town[lang]} · ${say("js.km", { n: km.toFixed(km < 10 ? 1 : 0) })}`;
    c.save();
    c.translate(x, y);
    c.rotate(Math.atan2(dy, dx));
    c.fillStyle = this.colour["muted"] ?? "";
    c.beginPath();
    c.moveTo(8, 0);
    c.lineTo(-4, -5);
    c.lineTo(-4, 5);
    c.fill();
    c.restore();
    c.font = `12px ${this.font}`;
    const length = c.measureText(told).width;
    const start = x - length / 2 - Math.sign(dx) * (length / 2 + 14);
    c.fillStyle = this.colour["map-text"] ?? "";
    this.halo(c, told, Math.min(width - length - 14, Math.max(14, start)), y);
  }

  private paintScale(c: CanvasRenderingContext2D): void {
    const { width, height, world, top } = this.view;
    const lat = Math.atan(Math.sinh(Math.PI * (1 - (2 * (top + height / 2)) / world)));
    const metres = metresPerPixel((lat * 180) / Math.PI, world);
    const most = metres * 120;
    const power = 10 ** Math.floor(Math.log10(most));
    const step = [5, 2, 1].find((n) => n * power <= most) ?? 1;
    const length = (step * power) / metres;
    const n = step * power;
    const told = n >= 1000 ? say("js.km", { n: n / 1000 }) : say("js.m", { n });
    const [x, y] = [width - length - 14, height - 24];
    c.strokeStyle = c.fillStyle = this.colour["muted"] ?? "";
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, y - 4);
    c.lineTo(x, y);
    c.lineTo(x + length, y);
    c.lineTo(x + length, y - 4);
    c.stroke();
    c.font = `11px ${this.font}`;
    c.textBaseline = "alphabetic";
    c.fillText(told, x + length / 2 - c.measureText(told).width / 2, y - 7);
  }
}
