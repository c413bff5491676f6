// Where each container has its place: functions below each other, and in each as many
// lanes as it had containers at once. One that is gone leaves its lane to the next. Pure.

import type { Container } from "../api/types";

export const HEADING = 30;
export const LOAD = 46;
export const LABEL = 16;
const LANE_GAP = 8;
const GROUP_GAP = 22;
const SLOTS_HEIGHT = 150;
const MOST_ROW = 15;
const LEAST_ROW = 2;

export interface Lane {
  y: number;
  height: number;
  row: number;
  slots: number;
}

export interface Group {
  function: string;
  y: number;
  height: number;
  loadY: number;
  lanes: Lane[];
  containers: Placed[];
}

export interface Placed {
  container: Container;
  group: Group;
  lane: Lane;
  slots: number;
  from: number;
  to: number;
}

export interface Floor {
  groups: Group[];
  byId: Map<string, Placed>;
  height: number;
}

export function laidOut(containers: Container[], now: number, scale = 1): Floor {
  const names = byLatest(containers);
  const byId = new Map<string, Placed>();
  const groups: Group[] = [];
  let y = 0;
  for (const name of names) {
    const mine = containers.filter((each) => each.function === name);
    const group = grouped(name, mine, now, scale, y);
    groups.push(group);
    for (const placed of group.containers) byId.set(placed.container.container_id, placed);
    y += group.height + GROUP_GAP;
  }
  return { groups, byId, height: y };
}

// What lives, or lived last, stands at the top.
function byLatest(containers: Container[]): string[] {
  const last = new Map<string, number>();
  for (const each of containers) {
    const end = each.exited_ms ?? Infinity;
    last.set(each.function, Math.max(last.get(each.function) ?? 0, end));
  }
  const later = (a: string, b: string) => (last.get(b) ?? 0) - (last.get(a) ?? 0) || 0;
  return [...last.keys()].sort((a, b) => later(a, b) || a.localeCompare(b));
}

function grouped(
  name: string,
  containers: Container[],
  now: number,
  scale: number,
  y: number,
): Group {
  const group: Group = {
    function: name,
    y,
    height: 0,
    loadY: y + HEADING,
    lanes: [],
    containers: [],
  };
  const ends: number[] = [];
  const slots: number[] = [];
  const at: number[] = [];
  const sorted = [...containers].sort((a, b) => begin(a) - begin(b));
  for (const each of sorted) {
    const free = ends.findIndex((end) => end <= begin(each));
    const lane = free < 0 ? ends.length : free;
    ends[lane] = each.exited_ms ?? Math.max(now, begin(each)) + 1e12;
    slots[lane] = Math.max(slots[lane] ?? 1, slotsOf(each));
    at.push(lane);
  }
  let top = y + HEADING + LOAD + LANE_GAP;
  for (const count of slots) {
    const row = Math.min(Math.max((SLOTS_HEIGHT / count) * scale, LEAST_ROW), MOST_ROW * scale);
    const height = LABEL + Math.ceil(count * row) + 2;
    group.lanes.push({ y: top, height, row, slots: count });
    top += height + LANE_GAP;
  }
  group.height = top - y - LANE_GAP;
  sorted.forEach((container, index) => {
    const lane = group.lanes[at[index] ?? 0];
    if (!lane) return;
    const from = begin(container);
    const to = container.exited_ms ?? Infinity;
    group.containers.push({ container, group, lane, slots: slotsOf(container), from, to });
  });
  return group;
}

export function slotsOf(container: Container): number {
  return Math.max(container.limit ?? container.target ?? 1, 1);
}

export function begin(container: Container): number {
  return container.starting_ms ?? container.ready_ms ?? 0;
}

// Slots are filled from the lowest, so they stand on each other's shoulders: what is
// above the target line is the burst.
export function rowY(placed: Placed, slot: number): number {
  const floor = placed.lane.y + placed.lane.height - 1;
  return floor - (slot + 1) * placed.lane.row;
}

export function targetY(placed: Placed): number | null {
  const { target } = placed.container;
  if (target === null || target >= placed.slots) return null;
  return rowY(placed, target - 1);
}

export interface Place {
  placed: Placed;
  slot: number;
}

export function placeAt(floor: Floor, ms: number, y: number): Place | null {
  for (const group of floor.groups) {
    if (y < group.y || y > group.y + group.height) continue;
    for (const placed of group.containers) {
      const { lane } = placed;
      if (ms < placed.from || ms > placed.to || y < lane.y || y > lane.y + lane.height)
        continue;
      const slot = Math.floor((lane.y + lane.height - 1 - y) / lane.row);
      return { placed, slot: slot < placed.slots ? slot : -1 };
    }
  }
  return null;
}
