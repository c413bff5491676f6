// A tile made ready for drawing: sorted by colour, so that a frame sets few of them,
// and by row, so that what lies under the pointer is found at once. Pure.

import type { Tile } from "../api/types";

export type Colouring = "outcome" | "zone";

// The letters of `Bars.ending`; the rest of the page uses the words.
export const ENDINGS: Record<string, string> = {
  s: "success",
  e: "error",
  c: "cancelled",
  t: "timeout",
  l: "lost",
  r: "retry",
  n: "neighbour",
  d: "died",
  "-": "running",
};

export const ZONES: Record<string, string> = {
  i: "idle",
  n: "normal",
  b: "burst",
  s: "saturated",
  "-": "idle",
};

export interface Prepared {
  tile: Tile;
  // Places in `tile.bars` and `tile.dots`, by what they look like.
  bars: Map<string, number[]>;
  dots: Map<string, number[]>;
  // Of each container and slot; made when somebody points at one.
  rows: Map<string, number[]> | null;
  fetchedMs: number;
}

export function prepared(tile: Tile, colouring: Colouring, fetchedMs: number): Prepared {
  const bars = new Map<string, number[]>();
  const dots = new Map<string, number[]>();
  tile.bars.container.forEach((_, at) => {
    push(bars, look(tile.bars.ending[at], tile.bars.zone[at], colouring), at);
  });
  tile.dots.container.forEach((_, at) => {
    push(dots, look(tile.dots.ending[at], tile.dots.zone[at], colouring), at);
  });
  return { tile, bars, dots, rows: null, fetchedMs };
}

// In colours by zone, an execution that ended badly still looks like that.
function look(ending = "-", zone = "-", colouring: Colouring): string {
  if (colouring === "zone" && (ending === "s" || ending === "-")) return ZONES[zone] ?? "idle";
  return ENDINGS[ending] ?? "running";
}

function push(into: Map<string, number[]>, key: string, value: number): void {
  const found = into.get(key);
  if (found) found.push(value);
  else into.set(key, [value]);
}

function rowsOf(tile: Tile): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  tile.bars.container.forEach((container, at) =>
    push(rows, `${container}/${tile.bars.slot[at]}`, at),
  );
  return rows;
}

export interface Hit {
  input: string;
  attempt: number;
  ending: string;
  zone: string;
  startMs: number;
  endMs: number | null;
  waitMs: number;
}

// The bar of that container and slot at that time; the last that began, if several.
export function barAt(
  prepared: Prepared,
  containerId: string,
  slot: number,
  ms: number,
  slackMs: number,
): Hit | null {
  const { tile } = prepared;
  const rows = (prepared.rows ??= rowsOf(tile));
  const container = tile.containers.indexOf(containerId);
  const places = rows.get(`${container}/${slot}`) ?? [];
  const at = ms - tile.from_ms;
  for (let n = places.length - 1; n >= 0; n -= 1) {
    const index = places[n] ?? 0;
    const start = tile.bars.start[index] ?? 0;
    const end = tile.bars.end[index] ?? -1;
    if (at < start - slackMs || (end >= 0 && at > end + slackMs)) continue;
    return {
      input: tile.bars.input[index] ?? "",
      attempt: tile.bars.attempt[index] ?? 0,
      ending: ENDINGS[tile.bars.ending[index] ?? "-"] ?? "running",
      zone: ZONES[tile.bars.zone[index] ?? "-"] ?? "idle",
      startMs: tile.from_ms + start,
      endMs: end < 0 ? null : tile.from_ms + end,
      waitMs: tile.bars.wait[index] ?? 0,
    };
  }
  return null;
}

export interface Crowd {
  count: number;
  fromMs: number;
  toMs: number;
}

// How many short executions lie there, in the slot's column of that time.
export function crowdAt(
  prepared: Prepared,
  containerId: string,
  slot: number,
  ms: number,
): Crowd | null {
  const { tile } = prepared;
  const container = tile.containers.indexOf(containerId);
  const width = (tile.to_ms - tile.from_ms) / tile.columns;
  const column = Math.floor((ms - tile.from_ms) / width);
  const { dots } = tile;
  for (let at = 0; at < dots.container.length; at += 1) {
    if (
      dots.container[at] === container &&
      dots.slot[at] === slot &&
      dots.column[at] === column
    ) {
      const fromMs = tile.from_ms + column * width;
      return { count: dots.count[at] ?? 0, fromMs, toMs: fromMs + width };
    }
  }
  return null;
}
