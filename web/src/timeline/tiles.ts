// The tiles that are at hand: fetched as the window needs them, the least used let go.
// While one is on its way, what is there of coarser and finer ones stands in for it.

import type { Tile } from "../api/types";
import { prepared, type Colouring, type Prepared } from "./prepared";
import { LEAST_LEVEL, MOST_LEVEL, tileSpan, type TileKey } from "./viewport";

const MOST_TILES = 160;
const MOST_FETCHES = 3;
const LIVE_MS = 900;

export type FetchTile = (level: number, index: number, signal: AbortSignal) => Promise<Tile>;

export class TileCache {
  colouring: Colouring = "outcome";
  problem = "";
  private readonly held = new Map<string, Prepared>();
  private readonly fetching = new Map<string, AbortController>();
  private readonly failedMs = new Map<string, number>();
  private wanted: TileKey[] = [];

  constructor(
    private readonly fetchTile: FetchTile,
    private readonly arrived: () => void,
  ) {}

  get(key: TileKey): Prepared | undefined {
    const name = nameOf(key);
    const found = this.held.get(name);
    if (found) {
      // The order of a Map is that of insertion: the last used stands last.
      this.held.delete(name);
      this.held.set(name, found);
    }
    return found;
  }

  // What stands in for a tile: a coarser one that covers it, or finer ones within it.
  standIns(key: TileKey): Prepared[] {
    for (let up = 1; key.level + up <= MOST_LEVEL && up <= 6; up += 1) {
      const found = this.get({ level: key.level + up, index: Math.floor(key.index / 2 ** up) });
      if (found) return [found];
    }
    const found: Prepared[] = [];
    for (let down = 1; key.level - down >= LEAST_LEVEL && down <= 2; down += 1) {
      for (let at = 0; at < 2 ** down; at += 1) {
        const tile = this.get({ level: key.level - down, index: key.index * 2 ** down + at });
        if (tile) found.push(tile);
      }
      if (found.length) return found;
    }
    return found;
  }

  // Say which tiles the window needs, the most urgent first. What is not needed any
  // more is not waited for.
  want(keys: TileKey[], nowMs: number, lastMs: number): void {
    this.wanted = keys;
    const names = new Set(keys.map(nameOf));
    for (const [name, controller] of this.fetching) {
      if (!names.has(name)) controller.abort();
    }
    this.fetchNext(nowMs, lastMs);
  }

  recolour(colouring: Colouring): void {
    this.colouring = colouring;
    for (const [name, each] of this.held) {
      this.held.set(name, prepared(each.tile, colouring, each.fetchedMs));
    }
  }

  clear(): void {
    for (const controller of this.fetching.values()) controller.abort();
    this.held.clear();
    this.failedMs.clear();
  }

  get busy(): boolean {
    return this.fetching.size > 0;
  }

  private fetchNext(nowMs: number, lastMs: number): void {
    for (const key of this.wanted) {
      if (this.fetching.size >= MOST_FETCHES) return;
      const name = nameOf(key);
      if (this.fetching.has(name) || !this.isDue(key, name, nowMs, lastMs)) continue;
      void this.fetch(key, name);
    }
  }

  private isDue(key: TileKey, name: string, nowMs: number, lastMs: number): boolean {
    const failed = this.failedMs.get(name);
    if (failed !== undefined && nowMs - failed < LIVE_MS) return false;
    const held = this.held.get(name);
    if (!held) return true;
    // What ended before a tile was fetched does not change; what was there then may.
    const end = (key.index + 1) * tileSpan(key.level);
    const settled = held.tile.complete && end < lastMs - 2000 && held.fetchedMs > end + 2000;
    return !settled && nowMs - held.fetchedMs > LIVE_MS && lastMs > held.tile.from_ms;
  }

  private async fetch(key: TileKey, name: string): Promise<void> {
    const controller = new AbortController();
    this.fetching.set(name, controller);
    try {
      const tile = await this.fetchTile(key.level, key.index, controller.signal);
      this.held.set(name, prepared(tile, this.colouring, Date.now()));
      this.failedMs.delete(name);
      this.problem = "";
      this.evict();
    } catch (error) {
      if (!controller.signal.aborted) {
        this.failedMs.set(name, Date.now());
        this.problem = error instanceof Error ? error.message : String(error);
      }
    } finally {
      this.fetching.delete(name);
      this.arrived();
    }
  }

  private evict(): void {
    for (const name of this.held.keys()) {
      if (this.held.size <= MOST_TILES) return;
      this.held.delete(name);
    }
  }
}

function nameOf(key: TileKey): string {
  return `${key.level}/${key.index}`;
}
