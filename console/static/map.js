// The map as people use it: what it shows, where it looks, mouse, fingers and keys.

import { MapDrawing } from "./map_drawing.js";

const MIN_SCALE = 350; // pixels for a radian of longitude
const MAX_SCALE = 4_000_000;
const COUNTRY = { west: 46.4, south: 40.5, east: 87.4, north: 55.5 };

export class EventMap extends MapDrawing {
  // `onSelect(id)` is called when a person picks a circle.
  constructor(box, { lang, texts, onSelect }) {
    super(box, { lang, texts });
    this.onSelect = onSelect;
    this.touched = false;
    this.listen();
    new ResizeObserver(() => this.resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
    this.resize();
  }

  async load() {
    const answer = await fetch(this.box.dataset.outline);
    if (!answer.ok) return;
    const data = await answer.json();
    this.regions = data.regions.map((region) => {
      const rings = region.rings.map((ring) => this.projected(ring));
      return { ...region, rings, box: bounds(rings.flat()) };
    });
    this.towns = data.towns.map((town) => ({ ...town, ...this.point(town.at[1], town.at[0]) }));
    this.draw();
  }

  // Items: {id, kind, lat, lon, radius, level, state, faint}.
  setItems(items) {
    const before = new Set(this.items.map((item) => item.id));
    const known = this.items.length > 0;
    this.items = items
      .map((item) => ({ ...item, ...this.point(item.lat, item.lon) }))
      .sort((a, b) => b.radius - a.radius);
    if (known) {
      for (const item of this.items) {
        if (!before.has(item.id)) this.pulse.set(item.id, performance.now());
      }
    }
    this.draw();
  }

  select(id, { reveal = true } = {}) {
    this.selected = id;
    const item = this.items.find((one) => one.id === id);
    if (item && reveal) this.reveal(item);
    this.draw();
  }

  reveal(item) {
    const { sx, sy } = this.screen(item);
    const margin = 60;
    const inside =
      sx > margin && sy > margin && sx < this.width - margin && sy < this.height - margin * 2.4;
    if (inside) return;
    this.glide({ x: item.x, y: item.y, scale: this.view.scale });
  }

  fitCountry() {
    this.fit(COUNTRY);
  }

  fit({ west, south, east, north }, pad = 1.06) {
    const low = this.point(south, west);
    const high = this.point(north, east);
    const scale = Math.min(
      this.width / ((high.x - low.x) * pad),
      this.height / ((high.y - low.y) * pad),
    );
    this.view = {
      x: (low.x + high.x) / 2,
      y: (low.y + high.y) / 2,
      scale: Math.min(MAX_SCALE, Math.max(MIN_SCALE / 2, scale)),
    };
    this.draw();
  }

  // Shows a place with about `around` metres on each side.
  show(lat, lon, around) {
    const dLat = around / 111_200;
    const dLon = dLat / Math.max(0.2, Math.cos((lat * Math.PI) / 180));
    this.fit({ west: lon - dLon, east: lon + dLon, south: lat - dLat, north: lat + dLat }, 1);
    this.touched = true;
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width || !height) return;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.touched) this.draw();
    else this.fitCountry();
  }

  zoom(factor, sx = this.width / 2, sy = this.height / 2) {
    const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.view.scale * factor));
    const x = this.view.x + (sx - this.width / 2) / this.view.scale;
    const y = this.view.y - (sy - this.height / 2) / this.view.scale;
    this.view = {
      x: x - (sx - this.width / 2) / scale,
      y: y + (sy - this.height / 2) / scale,
      scale,
    };
    this.touched = true;
    this.draw();
  }

  pan(dx, dy) {
    const x = this.view.x - dx / this.view.scale;
    const y = this.view.y + dy / this.view.scale;
    const low = this.point(COUNTRY.south - 4, COUNTRY.west - 8);
    const high = this.point(COUNTRY.north + 4, COUNTRY.east + 8);
    this.view.x = Math.min(high.x, Math.max(low.x, x));
    this.view.y = Math.min(high.y, Math.max(low.y, y));
    this.touched = true;
    this.draw();
  }

  glide(target) {
    const from = { ...this.view };
    const begun = performance.now();
    const length = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 260;
    const step = (now) => {
      const part = Math.min(1, (now - begun) / length);
      const eased = 1 - (1 - part) ** 3;
      this.view.x = from.x + (target.x - from.x) * eased;
      this.view.y = from.y + (target.y - from.y) * eased;
      this.view.scale = from.scale * (target.scale / from.scale) ** eased;
      this.draw();
      if (part < 1) requestAnimationFrame(step);
    };
    this.touched = true;
    requestAnimationFrame(step);
  }

  // The smallest circle under the pointer, so that a wide one never hides a precise one.
  at(sx, sy) {
    const hits = this.items.filter((item) => {
      const at = this.screen(item);
      return Math.hypot(at.sx - sx, at.sy - sy) <= this.radiusPx(item) + 3;
    });
    return hits.at(-1) ?? null;
  }

  listen() {
    const fingers = new Map();
    let moved = 0;
    const place = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, place(event));
      moved = 0;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      const last = fingers.get(event.pointerId);
      if (!last) {
        const hit = this.at(x, y)?.id ?? null;
        if (hit !== this.hovered) {
          this.hovered = hit;
          this.canvas.classList.toggle("over", hit !== null);
          this.draw();
        }
        return;
      }
      moved += Math.hypot(x - last[0], y - last[1]);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const before = Math.hypot(last[0] - other[0], last[1] - other[1]);
        const after = Math.hypot(x - other[0], y - other[1]);
        if (before > 10) this.zoom(after / before, (x + other[0]) / 2, (y + other[1]) / 2);
      } else if (moved > 3) this.pan(x - last[0], y - last[1]);
      fingers.set(event.pointerId, [x, y]);
    });
    const lift = (event) => {
      const single = fingers.size === 1;
      fingers.delete(event.pointerId);
      if (event.type === "pointerup" && single && moved <= 3) {
        const hit = this.at(...place(event));
        if (hit) this.onSelect?.(hit.id, hit);
      }
    };
    this.canvas.addEventListener("pointerup", lift);
    this.canvas.addEventListener("pointercancel", lift);
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...place(event));
      },
      { passive: false },
    );
    this.canvas.addEventListener("dblclick", (event) => this.zoom(2, ...place(event)));
    this.box.addEventListener("keydown", (event) => this.key(event));
    for (const button of this.box.querySelectorAll("[data-map]")) {
      button.addEventListener("click", () => this.tool(button.dataset.map));
    }
  }

  tool(name) {
    if (name === "in") this.zoom(1.6);
    else if (name === "out") this.zoom(1 / 1.6);
    else this.fitCountry();
  }

  key(event) {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (steps[event.key]) this.pan(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0" || event.key === "Home") this.fitCountry();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function bounds(points) {
  const box = { west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
  for (const { x, y } of points) {
    box.west = Math.min(box.west, x);
    box.east = Math.max(box.east, x);
    box.south = Math.min(box.south, y);
    box.north = Math.max(box.north, y);
  }
  return box;
}
