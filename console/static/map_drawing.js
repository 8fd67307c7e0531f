// Draws the map without tiles: regions, towns and circles of uncertainty on a canvas.
// Never a bare pin: every event is drawn with the radius that covers the truth, at least as wide
// as can be hit.

const MIN_RADIUS_PX = 7;
const EARTH_M = 6_378_137;
const RADIAN = Math.PI / 180;
const COLOURS = [
  "map-sea", "map-land", "map-border", "map-town", "map-text", "map-halo",
  "urgent", "raised", "calm", "linked", "candidate", "nearby", "muted",
];

const mercatorY = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * RADIAN) / 2));

export class MapDrawing {
  constructor(box, { lang, texts }) {
    this.box = box;
    this.lang = lang;
    this.texts = texts;
    this.canvas = box.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.items = [];
    this.selected = null;
    this.hovered = null;
    this.regions = [];
    this.towns = [];
    this.view = { ...this.point(48.4, 67), scale: 900 };
    this.pulse = new Map(); // id -> time at which it came in
    this.readColours();
  }

  restyle() {
    this.readColours();
    this.draw();
  }

  readColours() {
    const style = getComputedStyle(this.box);
    this.colour = Object.fromEntries(
      COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim() || "#888"]),
    );
    this.font = style.fontFamily;
  }

  point(lat, lon) {
    return { x: lon * RADIAN, y: mercatorY(lat) };
  }

  projected(ring) {
    return ring.map(([lon, lat]) => this.point(lat, lon));
  }

  screen({ x, y }) {
    return {
      sx: this.width / 2 + (x - this.view.x) * this.view.scale,
      sy: this.height / 2 - (y - this.view.y) * this.view.scale,
    };
  }

  radiusPx(item) {
    const metresPerPx = (EARTH_M * Math.cos(item.lat * RADIAN)) / this.view.scale;
    return Math.max(MIN_RADIUS_PX, item.radius / metresPerPx);
  }

  draw() {
    if (this.waiting || !this.width) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    const c = this.context;
    c.fillStyle = this.colour["map-sea"];
    c.fillRect(0, 0, this.width, this.height);
    this.paintRegions(c);
    const places = new Labels();
    this.paintTownDots(c);
    const moving = this.paintItems(c);
    this.paintItemNames(c, places);
    this.paintTownNames(c, places);
    this.paintWay(c);
    this.paintScale(c);
    if (moving) this.draw();
  }

  paintRegions(c) {
    c.lineJoin = "round";
    for (const region of this.regions) {
      if (!this.visible(region.box)) continue;
      c.beginPath();
      for (const ring of region.rings) {
        ring.forEach((at, index) => {
          const { sx, sy } = this.screen(at);
          if (index) c.lineTo(sx, sy);
          else c.moveTo(sx, sy);
        });
        c.closePath();
      }
      c.fillStyle = this.colour["map-land"];
      c.fill();
      c.strokeStyle = this.colour["map-border"];
      c.lineWidth = 1;
      c.stroke();
    }
  }

  visible(box) {
    const low = this.screen({ x: box.west, y: box.south });
    const high = this.screen({ x: box.east, y: box.north });
    return low.sx < this.width && high.sx > 0 && high.sy < this.height && low.sy > 0;
  }

  // How many people a town needs to be named at this scale.
  populationShown() {
    const { scale } = this.view;
    if (scale < 700) return 600_000;
    if (scale < 1_100) return 190_000;
    if (scale < 2_500) return 90_000;
    return scale < 6_000 ? 30_000 : 0;
  }

  shownTowns() {
    const least = this.populationShown();
    return this.towns.filter((town) => {
      if (town.pop < least) return false;
      const { sx, sy } = this.screen(town);
      return sx > -2 && sy > -2 && sx < this.width + 2 && sy < this.height + 2;
    });
  }

  paintTownDots(c) {
    c.fillStyle = this.colour["map-town"];
    for (const town of this.shownTowns()) {
      const { sx, sy } = this.screen(town);
      c.beginPath();
      c.arc(sx, sy, town.pop > 900_000 ? 3 : 2, 0, 2 * Math.PI);
      c.fill();
    }
  }

  paintTownNames(c, places) {
    c.lineWidth = 3;
    c.strokeStyle = this.colour["map-halo"];
    c.textBaseline = "middle";
    for (const town of this.shownTowns()) {
      const { sx, sy } = this.screen(town);
      const size = town.pop > 900_000 ? 13 : 11.5;
      c.font = `${town.pop > 900_000 ? 600 : 400} ${size}px ${this.font}`;
      const width = c.measureText(town[this.lang]).width;
      const right = sx + 7 + width < this.width;
      const left = right ? sx + 7 : sx - 7 - width;
      if (!places.free(left, sy - size / 2, width, size)) continue;
      c.fillStyle = this.colour["map-text"];
      c.strokeText(town[this.lang], left, sy);
      c.fillText(town[this.lang], left, sy);
    }
  }

  paintItemNames(c, places) {
    c.font = `600 12.5px ${this.font}`;
    c.lineWidth = 3;
    c.strokeStyle = this.colour["map-halo"];
    c.fillStyle = this.colour["map-text"];
    c.textBaseline = "middle";
    for (const item of this.items.filter((one) => one.name)) {
      const { sx, sy } = this.screen(item);
      const width = c.measureText(item.name).width;
      const [x, y] = [sx - width / 2, sy - this.radiusPx(item) - 11];
      if (!places.free(x, y - 7, width, 14)) continue;
      c.strokeText(item.name, x, y);
      c.fillText(item.name, x, y);
    }
  }

  // Close up, where no town is in sight, the edge tells the way to the nearest one.
  paintWay(c) {
    if (this.view.scale < 6_000 || this.shownTowns().length || !this.towns.length) return;
    const away = (town) => Math.hypot(town.x - this.view.x, town.y - this.view.y);
    const town = this.towns.reduce((best, one) => (away(one) < away(best) ? one : best));
    const { sx, sy } = this.screen(town);
    const [dx, dy] = [sx - this.width / 2, sy - this.height / 2];
    const stretch = Math.min((this.width / 2 - 62) / Math.abs(dx), (this.height / 2 - 26) / Math.abs(dy));
    const [x, y] = [this.width / 2 + dx * stretch, this.height / 2 + dy * stretch];
    const km = (away(town) * EARTH_M * Math.cos(town.at[1] * RADIAN)) / 1000;
    const text = `${town[this.lang]} · ${this.texts["js.km"].replace("{n}", km.toFixed(km < 10 ? 1 : 0))}`;
    c.save();
    c.translate(x, y);
    c.rotate(Math.atan2(dy, dx));
    c.fillStyle = this.colour["muted"];
    c.beginPath();
    c.moveTo(8, 0);
    c.lineTo(-4, -5);
    c.lineTo(-4, 5);
    c.fill();
    c.restore();
    c.font = `12px ${this.font}`;
    c.textBaseline = "middle";
    const width = c.measureText(text).width;
    const left = Math.min(this.width - width - 14, Math.max(14, x - width / 2 - Math.sign(dx) * (width / 2 + 14)));
    const top = Math.abs(dy * stretch) > this.height / 2 - 40 ? y - Math.sign(dy) * 16 : y;
    c.strokeStyle = this.colour["map-halo"];
    c.lineWidth = 3;
    c.strokeText(text, left, top);
    c.fillText(text, left, top);
  }

  paintItems(c) {
    const now = performance.now();
    let moving = false;
    for (const item of this.items) {
      const { sx, sy } = this.screen(item);
      const radius = this.radiusPx(item);
      if (sx + radius < 0 || sy + radius < 0) continue;
      if (sx - radius > this.width || sy - radius > this.height) continue;
      const colour = this.colour[item.kind === "event" ? item.level : item.kind];
      const strong = item.id === this.selected || item.id === this.hovered;
      c.beginPath();
      c.arc(sx, sy, radius, 0, 2 * Math.PI);
      c.globalAlpha = (item.faint ? 0.35 : 1) * (strong ? 0.34 : 0.2);
      c.fillStyle = colour;
      c.fill();
      c.globalAlpha = item.faint ? 0.4 : 1;
      c.strokeStyle = colour;
      c.lineWidth = strong ? 2.5 : 1.4;
      c.setLineDash(item.state === "unknown" || item.kind === "nearby" ? [4, 3] : []);
      c.stroke();
      c.setLineDash([]);
      c.globalAlpha = 1;
      if (strong) {
        c.beginPath();
        c.arc(sx, sy, radius + 4, 0, 2 * Math.PI);
        c.strokeStyle = this.colour["map-text"];
        c.lineWidth = 1.2;
        c.stroke();
      }
      moving = this.paintArrival(c, item, { sx, sy, radius, colour, now }) || moving;
    }
    return moving;
  }

  paintArrival(c, item, { sx, sy, radius, colour, now }) {
    const came = this.pulse.get(item.id);
    if (came === undefined) return false;
    const age = (now - came) / 1600;
    if (age >= 1 || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.pulse.delete(item.id);
      return false;
    }
    c.globalAlpha = 1 - age;
    c.strokeStyle = colour;
    c.lineWidth = 2;
    c.beginPath();
    c.arc(sx, sy, radius + age * 26, 0, 2 * Math.PI);
    c.stroke();
    c.globalAlpha = 1;
    return true;
  }

  paintScale(c) {
    const lat = (2 * Math.atan(Math.exp(this.view.y)) - Math.PI / 2) / RADIAN;
    const metresPerPx = (EARTH_M * Math.cos(lat * RADIAN)) / this.view.scale;
    const most = metresPerPx * 110;
    const power = 10 ** Math.floor(Math.log10(most));
    const metres = [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power;
    const width = metres / metresPerPx;
    const text =
      metres >= 1000
        ? this.texts["js.km"].replace("{n}", metres / 1000)
        : this.texts["js.m"].replace("{n}", metres);
    const [x, y] = [14, this.height - 16];
    c.strokeStyle = this.colour["muted"];
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, y - 5);
    c.lineTo(x, y);
    c.lineTo(x + width, y);
    c.lineTo(x + width, y - 5);
    c.stroke();
    c.font = `11px ${this.font}`;
    c.textBaseline = "bottom";
    c.fillStyle = this.colour["muted"];
    c.fillText(text, x + 5, y - 3);
  }
}

// Places taken by names already written.
class Labels {
  constructor() {
    this.taken = [];
  }

  free(x, y, width, height) {
    const box = [x - 3, y - 1, x + width + 3, y + height + 1];
    const meets = (other) =>
      box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
    if (this.taken.some(meets)) return false;
    this.taken.push(box);
    return true;
  }
}
