// Web Mercator, as Leaflet and tiles have it: the world is a square of side 1.

const RADIAN = Math.PI / 180;
export const EARTH_M = 6_378_137;

export interface Spot {
  x: number;
  y: number;
}

export function spot(lat: number, lon: number): Spot {
  const y = Math.log(Math.tan(Math.PI / 4 + (lat * RADIAN) / 2));
  return { x: lon / 360 + 0.5, y: 0.5 - y / (2 * Math.PI) };
}

export const metresPerPixel = (lat: number, worldPx: number): number =>
  (2 * Math.PI * EARTH_M * Math.cos(lat * RADIAN)) / worldPx;

export interface Box {
  west: number;
  east: number;
  north: number;
  south: number;
}

export function bounds(points: Spot[]): Box {
  const box = { west: Infinity, east: -Infinity, north: Infinity, south: -Infinity };
  for (const { x, y } of points) {
    box.west = Math.min(box.west, x);
    box.east = Math.max(box.east, x);
    box.north = Math.min(box.north, y);
    box.south = Math.max(box.south, y);
  }
  return box;
}

// Keeps labels from lying on each other.
export class Labels {
  private taken: [number, number, number, number][] = [];

  free(left: number, top: number, width: number, height: number): boolean {
    const box: [number, number, number, number] = [left - 3, top - 2, left + width + 3, top + height + 2];
    if (
      this.taken.some((o) => box[0] < o[2] && box[2] > o[0] && box[1] < o[3] && box[3] > o[1])
    ) {
      return false;
    }
    this.taken.push(box);
    return true;
  }
}
