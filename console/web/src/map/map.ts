// The map as people use it: Leaflet moves it and brings tiles, our painter draws on top.

import L from "leaflet";
import "leaflet/dist/leaflet.css";

import { loadGround } from "./ground";
import { Painter, type Item } from "./painter";

const COUNTRY: L.LatLngBoundsExpression = [
  [40.5, 46.4],
  [55.5, 87.4],
];
const MIN_ZOOM = 3;
const MAX_ZOOM = 18;
const STEP_PX = 60;
const FRAME_MS = 50; // between two pictures of what moves: a specialist's machine has other work

export class EventMap {
  private readonly map: L.Map;
  private readonly canvas: HTMLCanvasElement;
  private readonly painter: Painter;
  private tiles: L.GridLayer | null = null;
  private waiting = 0;
  private fresh = true;
  // What is to be seen whole, however large the map is; null once a hand has moved it.
  private whole: L.LatLngBoundsExpression | null = COUNTRY;
  private fitting = false;
  private placing: ((lat: number, lon: number) => void) | null = null;

  // `onSelect(id)` is called when a person picks a circle.
  constructor(
    private readonly box: HTMLElement,
    private readonly onSelect: (id: string) => void = () => {},
  ) {
    const ground = box.querySelector<HTMLElement>(".map-ground");
    const canvas = box.querySelector("canvas");
    if (!ground || !canvas) throw new Error("the map has no place to be");
    this.canvas = canvas;
    this.painter = new Painter(box);
    this.map = L.map(ground, {
      zoomControl: false,
      attributionControl: false,
      zoomAnimation: false,
      fadeAnimation: false,
      keyboard: false,
      boxZoom: false,
      minZoom: MIN_ZOOM,
      maxZoom: MAX_ZOOM,
      zoomSnap: 0.25,
      wheelPxPerZoomLevel: 90,
      maxBounds: [
        [34, 34],
        [62, 100],
      ],
    });
    this.fit(COUNTRY);
    this.map.on("move zoom viewreset resize", () => this.draw());
    this.map.on("dragstart zoomstart", () => {
      if (!this.fitting) this.whole = null;
    });
    this.listen();
    new ResizeObserver(() => this.resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restyle());
    this.resize();
  }

  async load(): Promise<void> {
    void this.loadTiles(this.box.dataset.tiles ?? "");
    this.painter.ground = await loadGround(this.box.dataset.outline ?? "");
    this.draw();
  }

  private async loadTiles(source: string): Promise<void> {
    if (!source) return;
    const options = { maxZoom: MAX_ZOOM, minZoom: MIN_ZOOM };
    if (source.endsWith(".pmtiles")) {
      const { PMTiles, leafletRasterLayer } = await import("pmtiles");
      this.tiles = leafletRasterLayer(new PMTiles(source), options) as L.GridLayer;
    } else this.tiles = L.tileLayer(source, options);
    this.tiles.addTo(this.map);
    this.draw();
  }

  restyle(): void {
    this.painter.restyle();
    this.draw();
  }

  setItems(items: Item[]): void {
    this.painter.setItems(items);
    this.draw();
  }

  select(id: string | null): void {
    this.painter.selected = id;
    const item = this.painter.items.find((one) => one.id === id);
    if (item && !this.inside(item)) {
      this.map.panTo([item.lat, item.lon], { animate: false });
      this.whole = null;
    }
    this.draw();
  }

  private fit(bounds: L.LatLngBoundsExpression): void {
    this.whole = bounds;
    this.fitting = true;
    this.map.fitBounds(bounds, { animate: false });
    this.fitting = false;
  }

  private inside(item: Item): boolean {
    const { x, y } = this.map.latLngToContainerPoint([item.lat, item.lon]);
    const size = this.map.getSize();
    const margin = Math.min(60, size.x / 6, size.y / 6);
    return x > margin && y > margin && x < size.x - margin && y < size.y - margin;
  }

  // Shows a place with about `around` metres on each side.
  show(lat: number, lon: number, around: number): void {
    this.fit(L.latLng(lat, lon).toBounds(2 * around));
  }

  // Asks for a place: the circle in the middle is the answer, the map moves under it.
  propose(item: Item, moved: (lat: number, lon: number) => void): void {
    this.painter.proposed = item;
    this.placing = moved;
    this.whole = null;
    this.map.panTo([item.lat, item.lon], { animate: false });
    this.draw();
  }

  widen(factor: number): number {
    const item = this.painter.proposed;
    if (!item) return 0;
    item.radius = Math.min(200_000, Math.max(10, Math.round(item.radius * factor)));
    this.draw();
    return item.radius;
  }

  endProposal(): void {
    this.painter.proposed = null;
    this.placing = null;
    this.draw();
  }

  get centre(): { lat: number; lon: number } {
    const { lat, lng } = this.map.getCenter();
    return { lat, lon: lng };
  }

  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.getContext("2d")?.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.map.invalidateSize({ animate: false });
    if (this.whole) this.fit(this.whole);
    this.draw();
  }

  draw(): void {
    this.fresh = true;
    this.frame();
  }

  private frame(): void {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      const c = this.canvas.getContext("2d");
      const { clientWidth: width, clientHeight: height } = this.box;
      if (!c || !width || !height) return;
      const zoom = this.map.getZoom();
      const corner = this.map.getPixelBounds().min ?? L.point(0, 0);
      if (this.painter.proposed && this.placing) {
        Object.assign(this.painter.proposed, this.centre);
        this.placing(this.centre.lat, this.centre.lon);
      }
      const world = 256 * 2 ** zoom;
      const [left, top] = [corner.x, corner.y];
      const view = { width, height, world, zoom, left, top, tiles: this.tiles !== null };
      const moving = this.painter.paint(c, view, this.fresh);
      this.fresh = false;
      if (moving) setTimeout(() => this.frame(), FRAME_MS);
    });
  }

  private listen(): void {
    this.map.on("click", (event) => {
      if (this.placing) {
        this.map.panTo(event.latlng, { animate: false });
        return;
      }
      const hit = this.painter.at(event.containerPoint.x, event.containerPoint.y);
      if (hit) this.onSelect(hit.id);
    });
    this.map.on("mousemove", (event) => {
      const hit = this.painter.at(event.containerPoint.x, event.containerPoint.y)?.id ?? null;
      if (hit === this.painter.hovered) return;
      this.painter.hovered = hit;
      this.box.classList.toggle("over", hit !== null);
      this.draw();
    });
    this.box.addEventListener("keydown", (event) => this.key(event));
    for (const button of this.box.querySelectorAll<HTMLElement>("[data-map]")) {
      button.addEventListener("click", () => this.tool(button.dataset.map ?? ""));
    }
  }

  private tool(name: string): void {
    if (name === "in") this.map.zoomIn(1);
    else if (name === "out") this.map.zoomOut(1);
    else this.fit(COUNTRY);
  }

  // Whether the key was one of the map's.
  key(event: KeyboardEvent): boolean {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-STEP_PX, 0],
      ArrowRight: [STEP_PX, 0],
      ArrowUp: [0, -STEP_PX],
      ArrowDown: [0, STEP_PX],
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = steps[event.key];
    if (step) {
      this.whole = null;
      this.map.panBy(step, { animate: false });
    } else if (event.key === "+" || event.key === "=") this.tool("in");
    else if (event.key === "-") this.tool("out");
    else if (event.key === "0" || event.key === "Home") this.tool("all");
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
