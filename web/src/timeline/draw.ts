// One frame of the timeline: containers, what ran in them, and what led to what.

import type { Moment } from "../api/types";
import { clock, count, firstTick, seconds, tickLabel, tickStep } from "../format";
import { drawContainer, drawExit } from "./draw_container";
import { drawLinks } from "./draw_links";
import { HEADING, LOAD, rowY, type Floor, type Group, type Placed } from "./lanes";
import type { Palette } from "./palette";
import type { Prepared } from "./prepared";
import type { View } from "./viewport";

export const AXIS = 26;

export interface Scene {
  view: View;
  floor: Floor;
  moments: Moment[];
  tiles: { prepared: Prepared; from: number; to: number }[];
  nowMs: number;
  live: boolean;
  scrollTop: number;
  selected: string;
}

export interface Frame {
  draw: CanvasRenderingContext2D;
  colours: Palette;
  scene: Scene;
  width: number;
  height: number;
  x: (ms: number) => number;
}

export function drawScene(
  draw: CanvasRenderingContext2D,
  colours: Palette,
  scene: Scene,
  width: number,
  height: number,
): void {
  const scale = width / (scene.view.to - scene.view.from);
  const x = (ms: number) => (ms - scene.view.from) * scale;
  const frame: Frame = { draw, colours, scene, width, height, x };
  draw.fillStyle = colours.surface;
  draw.fillRect(0, 0, width, height);
  drawGrid(frame);
  draw.save();
  draw.beginPath();
  draw.rect(0, AXIS, width, height - AXIS);
  draw.clip();
  draw.translate(0, AXIS - scene.scrollTop);
  const groups = scene.floor.groups.filter((group) => isInSight(frame, group.y, group.height));
  for (const group of groups) drawGroup(frame, group);
  drawBars(frame);
  for (const group of groups) for (const placed of shown(frame, group)) drawExit(frame, placed);
  drawLinks(frame);
  for (const group of groups) drawHeading(frame, group);
  draw.restore();
  drawAxis(frame);
}

function isInSight(frame: Frame, y: number, height: number): boolean {
  const top = frame.scene.scrollTop;
  return y + height >= top && y <= top + frame.height;
}

function shown(frame: Frame, group: Group): Placed[] {
  const { view } = frame.scene;
  return group.containers.filter(
    (each) =>
      each.to >= view.from &&
      each.from <= view.to &&
      isInSight(frame, each.lane.y, each.lane.height),
  );
}

function drawGroup(frame: Frame, group: Group): void {
  drawLoad(frame, group);
  for (const placed of shown(frame, group)) drawContainer(frame, placed);
}

// Running inputs as an area, queued ones as a line above the same floor.
function drawLoad(frame: Frame, group: Group): void {
  const { draw, colours, scene, x } = frame;
  const floor = group.loadY + LOAD - 4;
  let most = 1;
  for (const { prepared } of scene.tiles) {
    const load = prepared.tile.load.find(
      (each) => prepared.tile.functions[each.function] === group.function,
    );
    if (load) most = Math.max(most, ...load.running, ...load.queued);
  }
  const unit = (LOAD - 8) / most;
  for (const { prepared, from, to } of scene.tiles) {
    const { tile } = prepared;
    const load = tile.load.find((each) => tile.functions[each.function] === group.function);
    if (!load) continue;
    draw.save();
    draw.beginPath();
    const left = Math.round(x(from));
    draw.rect(left, group.loadY, Math.round(x(to)) - left, LOAD);
    draw.clip();
    draw.globalAlpha = 0.35;
    draw.fillStyle = colours.edges["running"] ?? colours.normal;
    steps(frame, prepared, load.running, floor, unit);
    draw.fill();
    draw.globalAlpha = 1;
    if (load.queued.some((each) => each > 0)) {
      draw.strokeStyle = colours.text;
      draw.lineWidth = 1;
      steps(frame, prepared, load.queued, floor, unit);
      draw.stroke();
    }
    draw.restore();
  }
  draw.fillStyle = colours.line;
  draw.fillRect(0, floor, frame.width, 1);
  draw.font = `11px ${colours.font}`;
  draw.fillStyle = colours.muted;
  draw.textAlign = "right";
  draw.textBaseline = "top";
  draw.fillText(`most ${count(most)}`, frame.width - 8, group.loadY - 2);
  draw.textAlign = "left";
}

function steps(
  frame: Frame,
  prepared: Prepared,
  values: number[],
  floor: number,
  unit: number,
): void {
  const { draw, x } = frame;
  const { tile } = prepared;
  const width = (tile.to_ms - tile.from_ms) / tile.columns;
  draw.beginPath();
  draw.moveTo(x(tile.from_ms), floor);
  for (let at = 0; at < values.length; at += 1) {
    const y = floor - (values[at] ?? 0) * unit;
    draw.lineTo(x(tile.from_ms + at * width), y);
    draw.lineTo(x(tile.from_ms + (at + 1) * width), y);
  }
  draw.lineTo(x(tile.to_ms), floor);
}

function drawHeading(frame: Frame, group: Group): void {
  const { draw, colours } = frame;
  draw.font = `600 14px ${colours.font}`;
  draw.textBaseline = "middle";
  draw.textAlign = "left";
  draw.lineWidth = 4;
  draw.strokeStyle = colours.surface;
  draw.strokeText(group.function, 10, group.y + HEADING / 2);
  draw.fillStyle = colours.text;
  draw.fillText(group.function, 10, group.y + HEADING / 2);
}

function drawBars(frame: Frame): void {
  const { draw, scene, x } = frame;
  for (const { prepared, from, to } of scene.tiles) {
    const places = prepared.tile.containers.map((id) => scene.floor.byId.get(id));
    // Whole pixels: a seam between two tiles would show.
    const left = Math.round(Math.max(x(from), -4));
    const right = Math.round(Math.min(x(to), frame.width + 4));
    if (right <= left) continue;
    draw.save();
    draw.beginPath();
    draw.rect(left, 0, right - left, frame.scene.floor.height + 40);
    draw.clip();
    drawWaits(frame, prepared, places);
    drawDots(frame, prepared, places);
    drawRuns(frame, prepared, places, left, right);
    draw.restore();
  }
}

// How long an execution waited, as a thin line before it: below what else ran there.
function drawWaits(frame: Frame, prepared: Prepared, places: (Placed | undefined)[]): void {
  const { draw, colours, x } = frame;
  const { bars, from_ms } = prepared.tile;
  const least = (frame.scene.view.to - frame.scene.view.from) / frame.width;
  draw.fillStyle = colours.burst;
  draw.globalAlpha = 0.4;
  for (let at = 0; at < bars.wait.length; at += 1) {
    const wait = bars.wait[at] ?? 0;
    const placed = places[bars.container[at] ?? -1];
    if (!placed || wait < least * 3 || placed.lane.row < 3) continue;
    const end = x(from_ms + (bars.start[at] ?? 0));
    const start = x(from_ms + (bars.start[at] ?? 0) - wait);
    const y = rowY(placed, bars.slot[at] ?? 0) + placed.lane.row / 2 - 0.5;
    draw.fillRect(start, y, end - start, 1);
  }
  draw.globalAlpha = 1;
}

function drawDots(frame: Frame, prepared: Prepared, places: (Placed | undefined)[]): void {
  const { draw, colours, x } = frame;
  const { dots, from_ms, to_ms, columns } = prepared.tile;
  const width = (to_ms - from_ms) / columns;
  const pixels = Math.max(
    (frame.width * width) / (frame.scene.view.to - frame.scene.view.from),
    1,
  );
  for (const [look, shown, indexes] of layers(prepared.dots)) {
    draw.fillStyle = colours.fills[shown] ?? colours.muted;
    for (const at of indexes) {
      const placed = places[dots.container[at] ?? -1];
      if (!placed || isHidden(look, shown, placed, dots.slot[at] ?? 0)) continue;
      const left = x(from_ms + (dots.column[at] ?? 0) * width);
      if (left > frame.width || left + pixels < 0) continue;
      const { row } = placed.lane;
      const room = Math.max(row - gap(row), 1);
      // As high as the share of the time in which the slot was taken, and visible.
      const height = Math.max(room * Math.max(dots.share[at] ?? 0, 0.35), 1);
      const y = rowY(placed, dots.slot[at] ?? 0) + (room - height) / 2;
      draw.fillRect(left, y, pixels, height);
    }
  }
}

function drawRuns(
  frame: Frame,
  prepared: Prepared,
  places: (Placed | undefined)[],
  left: number,
  right: number,
): void {
  const { draw, colours, scene, x } = frame;
  const { bars, from_ms } = prepared.tile;
  const now = scene.live ? scene.nowMs : Infinity;
  for (const [look, shown, indexes] of layers(prepared.bars)) {
    draw.fillStyle = colours.fills[shown] ?? colours.muted;
    draw.strokeStyle = colours.edges[shown] ?? colours.muted;
    draw.lineWidth = 1;
    const outlined = look === "neighbour" || look === "died" || look === "retry";
    for (const at of indexes) {
      const placed = places[bars.container[at] ?? -1];
      if (!placed || isHidden(look, shown, placed, bars.slot[at] ?? 0)) continue;
      const begin = x(from_ms + (bars.start[at] ?? 0));
      const ended = bars.end[at] ?? -1;
      const end =
        ended < 0 ? Math.min(x(Math.min(now, placed.to)), frame.width + 8) : x(from_ms + ended);
      if (end < left || begin > right) continue;
      const { row } = placed.lane;
      const y = rowY(placed, bars.slot[at] ?? 0);
      const width = Math.max(end - begin, 1);
      const height = Math.max(row - gap(row), 1);
      draw.fillRect(begin, y, width, height);
      if (outlined && height > 3 && width > 3) {
        draw.strokeRect(begin + 0.5, y + 0.5, width - 1, height - 1);
      }
      if (bars.input[at] === scene.selected && scene.selected)
        mark(frame, begin, y, width, height);
      // Two that follow each other are still two.
      else if (width > 8 && !outlined) gapBefore(frame, begin, y, height);
    }
  }
}

// What is above target, and has ended well, has the colour of the burst: two layers.
function* layers(looks: Map<string, number[]>): Generator<[string, string, number[]]> {
  for (const [look, indexes] of looks) {
    yield [look, look, indexes];
    if (look === "success") yield [look, "burst", indexes];
  }
}

function isHidden(look: string, shown: string, placed: Placed, slot: number): boolean {
  if (look !== "success") return false;
  const above = slot >= (placed.container.target ?? placed.slots);
  return above !== (shown === "burst");
}

function gap(row: number): number {
  return row >= 6 ? 2 : row >= 4 ? 1 : 0;
}

function gapBefore(frame: Frame, x: number, y: number, height: number): void {
  const before = frame.draw.fillStyle;
  frame.draw.fillStyle = frame.colours.surface;
  frame.draw.fillRect(x - 0.5, y, 1, height);
  frame.draw.fillStyle = before;
}

function mark(frame: Frame, x: number, y: number, width: number, height: number): void {
  const { draw, colours } = frame;
  const before = draw.strokeStyle;
  draw.strokeStyle = colours.text;
  draw.lineWidth = 2;
  draw.strokeRect(x - 1, y - 1, width + 2, height + 2);
  draw.lineWidth = 1;
  draw.strokeStyle = before;
}

function drawGrid(frame: Frame): void {
  const { draw, colours, scene, x } = frame;
  const step = tickStep(scene.view.to - scene.view.from, frame.width);
  draw.fillStyle = colours.line;
  draw.globalAlpha = 0.6;
  for (let at = firstTick(scene.view.from, step); at <= scene.view.to; at += step) {
    draw.fillRect(Math.round(x(at)), AXIS, 1, frame.height);
  }
  draw.globalAlpha = 1;
}

function drawAxis(frame: Frame): void {
  const { draw, colours, scene, x, width } = frame;
  const step = tickStep(scene.view.to - scene.view.from, width);
  draw.fillStyle = colours.surface;
  draw.fillRect(0, 0, width, AXIS);
  draw.fillStyle = colours.line;
  draw.fillRect(0, AXIS - 1, width, 1);
  draw.font = `11px ${colours.font}`;
  draw.textBaseline = "middle";
  draw.textAlign = "center";
  draw.fillStyle = colours.muted;
  for (let at = firstTick(scene.view.from, step); at <= scene.view.to; at += step) {
    const left = x(at);
    if (left > 30 && left < width - 30) draw.fillText(tickLabel(at, step), left, AXIS / 2);
  }
  if (scene.live && scene.nowMs >= scene.view.from && scene.nowMs <= scene.view.to) {
    draw.fillStyle = colours.accent;
    draw.fillRect(Math.round(x(scene.nowMs)), AXIS - 6, 1, frame.height);
  }
}

// For those who do not see the canvas.
export function described(scene: Scene): string {
  const { view } = scene;
  const names = scene.floor.groups.map((group) => group.function).join(", ");
  return `Timeline from ${clock(view.from)}, ${seconds((view.to - view.from) / 1000)} wide, of ${names}.`;
}
