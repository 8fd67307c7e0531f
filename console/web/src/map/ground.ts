// What lies under the events where there are no tiles: regions, towns, streets of the gazetteer.

import { get } from "../page";
import { bounds, spot, type Box, type Spot } from "./geometry";

interface RegionData {
  rings: [number, number][][];
}
interface TownData {
  ru: string;
  kk: string;
  en: string;
  at: [number, number];
  pop: number;
}
interface Outline {
  regions: RegionData[];
  towns: TownData[];
}
type PlaceRow = [string, string, string, number, number, number];

export interface Region {
  rings: Spot[][];
  box: Box;
}
export interface Town extends TownData, Spot {}
export interface Place extends Spot {
  names: [string, string];
  from: number; // zoom from which it is named
  line: boolean;
}

// Zoom from which places of a kind are named: a street when a quarter fills the screen.
const NAMED_FROM: Record<string, number> = {
  city: 7.5,
  district: 8.5,
  village: 9.5,
  highway: 9,
  microdistrict: 12,
  street: 13.2,
  landmark: 13.6,
};

export interface Ground {
  regions: Region[];
  towns: Town[];
  places: Place[];
}

export async function loadGround(outline: string): Promise<Ground> {
  const [shapes, rows] = await Promise.all([
    get<Outline>(outline),
    get<PlaceRow[]>("/api/places"),
  ]);
  const regions = (shapes?.regions ?? []).map((region) => {
    const rings = region.rings.map((ring) => ring.map(([lon, lat]) => spot(lat, lon)));
    return { rings, box: bounds(rings.flat()) };
  });
  const towns = (shapes?.towns ?? []).map((town) => ({
    ...town,
    ...spot(town.at[1], town.at[0]),
  }));
  const places = (rows ?? []).map(([ru, kk, kind, lat, lon]) => ({
    ...spot(lat, lon),
    names: [ru, kk] as [string, string],
    from: NAMED_FROM[kind] ?? 13,
    line: kind === "street" || kind === "highway",
  }));
  return { regions, towns, places };
}
