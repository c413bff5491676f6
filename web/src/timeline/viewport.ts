// The stretch of time that is shown, and how it moves. Pure.

export interface View {
  from: number;
  to: number;
}

export const LEAST_MS = 5;
export const LEAST_LEVEL = 6;
export const MOST_LEVEL = 36;

export const span = (view: View): number => view.to - view.from;

export function zoomed(view: View, factor: number, at: number, whole: View): View {
  const most = Math.max(span(whole) * 1.5, 1000);
  const wanted = Math.min(Math.max(span(view) * factor, LEAST_MS), most);
  const share = (at - view.from) / span(view);
  const from = at - share * wanted;
  return kept({ from, to: from + wanted }, whole);
}

export function panned(view: View, byMs: number, whole: View): View {
  return kept({ from: view.from + byMs, to: view.to + byMs }, whole);
}

// Some of the run stays in sight, so that nobody gets lost.
export function kept(view: View, whole: View): View {
  const margin = span(view) * 0.2;
  const latest = Math.max(whole.to, whole.from) - margin;
  const earliest = whole.from + margin - span(view);
  const from = Math.min(Math.max(view.from, earliest), latest);
  return { from, to: from + span(view) };
}

// Around a moment: wide enough to see what came before and what came of it.
export function around(from: number, to: number): View {
  const room = Math.max((to - from) * 0.75, 400);
  return { from: from - room, to: to + room };
}

// Tiles are 2^level ms wide, so two to four of them fill the window.
export function levelFor(view: View): number {
  const level = Math.ceil(Math.log2(span(view) / 2));
  return Math.min(Math.max(level, LEAST_LEVEL), MOST_LEVEL);
}

export interface TileKey {
  level: number;
  index: number;
}

export const tileSpan = (level: number): number => 2 ** level;

export function tilesFor(view: View, level: number, margin = 0): TileKey[] {
  const size = tileSpan(level);
  const first = Math.max(Math.floor((view.from - margin) / size), 0);
  const last = Math.floor((view.to + margin) / size);
  const found: TileKey[] = [];
  for (let index = first; index <= last; index += 1) found.push({ level, index });
  return found;
}

// Where the window glides to, a part of the way with each frame.
export function eased(now: View, goal: View, elapsedMs: number): View {
  const share = 1 - Math.exp(-elapsedMs / 70);
  const from = now.from + (goal.from - now.from) * share;
  const to = now.to + (goal.to - now.to) * share;
  const near = Math.abs(goal.from - from) + Math.abs(goal.to - to) < span(goal) * 1e-4;
  return near ? goal : { from, to };
}
