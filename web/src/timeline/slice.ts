// A part of a large tile as a tile of its own, for a report, which holds but one. Pure.

import type { Tile } from "../api/types";
import { tileSpan } from "./viewport";

const COLUMNS = 256;

export function slice(whole: Tile, level: number, index: number): Tile {
  const from = index * tileSpan(level);
  const to = from + tileSpan(level);
  const shift = whole.from_ms - from;
  const { bars, dots } = whole;
  const kept = places(bars.container.length, (at) => {
    const start = (bars.start[at] ?? 0) + shift;
    const end = bars.end[at] ?? -1;
    return start < to - from && (end < 0 || end + shift > 0);
  });
  const column = (whole.to_ms - whole.from_ms) / whole.columns;
  const dotted = places(dots.container.length, (at) => {
    const start = whole.from_ms + (dots.column[at] ?? 0) * column;
    return start < to && start + column > from;
  });
  const width = (to - from) / COLUMNS;
  return {
    ...whole,
    from_ms: from,
    to_ms: to,
    columns: COLUMNS,
    bars: {
      container: kept.map((at) => bars.container[at] ?? 0),
      slot: kept.map((at) => bars.slot[at] ?? 0),
      start: kept.map((at) => (bars.start[at] ?? 0) + shift),
      end: kept.map((at) => ((bars.end[at] ?? -1) < 0 ? -1 : (bars.end[at] ?? 0) + shift)),
      ending: kept.map((at) => bars.ending[at] ?? "-").join(""),
      zone: kept.map((at) => bars.zone[at] ?? "-").join(""),
      attempt: kept.map((at) => bars.attempt[at] ?? 0),
      wait: kept.map((at) => bars.wait[at] ?? 0),
      input: kept.map((at) => bars.input[at] ?? ""),
    },
    dots: {
      container: dotted.map((at) => dots.container[at] ?? 0),
      slot: dotted.map((at) => dots.slot[at] ?? 0),
      column: dotted.map((at) =>
        Math.floor((whole.from_ms + (dots.column[at] ?? 0) * column - from) / width),
      ),
      count: dotted.map((at) => dots.count[at] ?? 0),
      share: dotted.map((at) => dots.share[at] ?? 0),
      ending: dotted.map((at) => dots.ending[at] ?? "-").join(""),
      zone: dotted.map((at) => dots.zone[at] ?? "-").join(""),
    },
    load: whole.load.map((each) => ({
      function: each.function,
      running: resampled(each.running, whole, from, width),
      queued: resampled(each.queued, whole, from, width),
    })),
    links: whole.links.filter((each) => each.to_ms >= from && each.from_ms <= to),
  };
}

function places(length: number, fits: (at: number) => boolean): number[] {
  const found: number[] = [];
  for (let at = 0; at < length; at += 1) if (fits(at)) found.push(at);
  return found;
}

function resampled(values: number[], whole: Tile, from: number, width: number): number[] {
  const column = (whole.to_ms - whole.from_ms) / whole.columns;
  return Array.from({ length: COLUMNS }, (_, at) => {
    const first = Math.floor((from + at * width - whole.from_ms) / column);
    const last = Math.max(
      Math.ceil((from + (at + 1) * width - whole.from_ms) / column),
      first + 1,
    );
    let most = 0;
    for (let n = Math.max(first, 0); n < Math.min(last, values.length); n += 1)
      most = Math.max(most, values[n] ?? 0);
    return most;
  });
}
