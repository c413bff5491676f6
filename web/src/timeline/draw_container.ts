// A container on the timeline: its start, its target, its blocked loops, its end.

import { seconds, shortId } from "../format";
import { exitText } from "../words";
import type { Frame } from "./draw";
import { LABEL, rowY, targetY, type Placed } from "./lanes";

const LEAST_LABEL = 46;

export function drawContainer(frame: Frame, placed: Placed): void {
  const { draw, colours, scene } = frame;
  const { lane } = placed;
  const [left, right] = sides(frame, placed);
  const top = rowY(placed, placed.slots - 1);
  const bottom = lane.y + lane.height - 1;
  draw.fillStyle = colours.sunken;
  draw.globalAlpha = 0.55;
  draw.fillRect(left, top, right - left, bottom - top);
  draw.globalAlpha = 1;
  drawTarget(frame, placed, left, right, top);
  drawStart(frame, placed, top, bottom);
  for (const moment of scene.moments) {
    if (moment.kind === "blocked" && moment.container_id === placed.container.container_id) {
      drawBlocked(frame, moment.at_ms, moment.seconds ?? 0, top, bottom);
    }
  }
  drawLabel(frame, placed, left, right, top);
}

function sides(frame: Frame, placed: Placed): [number, number] {
  const end = placed.to === Infinity ? frame.scene.nowMs : placed.to;
  const left = Math.max(frame.x(placed.from), -2);
  const right = Math.min(frame.x(end), frame.width + 2);
  return [left, Math.max(right, left + 1)];
}

// What is above this line is the burst.
function drawTarget(
  frame: Frame,
  placed: Placed,
  left: number,
  right: number,
  top: number,
): void {
  const { draw, colours } = frame;
  const y = targetY(placed);
  if (y === null) return;
  draw.fillStyle = colours.burst;
  draw.globalAlpha = 0.1;
  draw.fillRect(left, top, right - left, y - top);
  draw.globalAlpha = 1;
  draw.strokeStyle = colours.burst;
  draw.lineWidth = 1;
  draw.setLineDash([4, 3]);
  draw.beginPath();
  draw.moveTo(left, Math.round(y) - 0.5);
  draw.lineTo(right, Math.round(y) - 0.5);
  draw.stroke();
  draw.setLineDash([]);
}

function drawStart(frame: Frame, placed: Placed, top: number, bottom: number): void {
  const { draw, colours, x } = frame;
  const { starting_ms, ready_ms, spawn_s, import_s } = placed.container;
  if (starting_ms === null) return;
  const from = x(starting_ms);
  const to = x(ready_ms ?? Math.min(placed.to, frame.scene.nowMs));
  if (to < 0 || from > frame.width || to - from < 1) return;
  draw.fillStyle = colours.cold;
  draw.globalAlpha = 0.28;
  draw.fillRect(from, top, to - from, bottom - top);
  draw.globalAlpha = 1;
  draw.fillRect(from, bottom - 2, to - from, 2);
  if (ready_ms === null || spawn_s === null || to - from < 60) return;
  const spawned = x(starting_ms + spawn_s * 1000);
  const imported = x(starting_ms + (spawn_s + (import_s ?? 0)) * 1000);
  const phases: [number, number, string][] = [
    [from, spawned, "spawn"],
    [spawned, imported, "import"],
    [imported, to, "enter"],
  ];
  draw.font = `11px ${colours.font}`;
  draw.textBaseline = "middle";
  draw.textAlign = "center";
  for (const [begin, end, name] of phases) {
    draw.fillStyle = colours.cold;
    draw.fillRect(end - 0.5, top, 1, bottom - top);
    draw.fillStyle = colours.text;
    if (end - begin > 40) draw.fillText(name, (begin + end) / 2, (top + bottom) / 2);
  }
  draw.textAlign = "left";
}

function drawBlocked(
  frame: Frame,
  at: number,
  length: number,
  top: number,
  bottom: number,
): void {
  const { draw, colours, x } = frame;
  const left = x(at);
  const width = Math.max(x(at + length * 1000) - left, 2);
  if (left > frame.width || left + width < 0) return;
  draw.fillStyle = colours.saturated;
  draw.globalAlpha = 0.14;
  draw.fillRect(left, top, width, bottom - top);
  draw.globalAlpha = 1;
  draw.fillRect(left, top, 1.5, bottom - top);
  draw.fillRect(left, top, width, 2);
  if (width < 90) return;
  draw.font = `11px ${colours.font}`;
  draw.textBaseline = "bottom";
  draw.fillText(`loop blocked ${seconds(length)}`, Math.max(left, 4) + 4, top + 14);
}

function drawLabel(
  frame: Frame,
  placed: Placed,
  left: number,
  right: number,
  top: number,
): void {
  const { draw, colours } = frame;
  const { container } = placed;
  const from = Math.max(left, 4);
  const room = right - from;
  if (room < LEAST_LABEL) return;
  const { target, limit } = container;
  const parts = [shortId(container.container_id)];
  if (target !== null && limit !== null && target < limit)
    parts.push(`target ${target}, limit ${limit}`);
  else if (placed.slots > 1) parts.push(`limit ${placed.slots}`);
  if (container.pid !== null) parts.push(`pid ${container.pid}`);
  draw.save();
  draw.beginPath();
  draw.rect(from, top - LABEL, room - 4, LABEL);
  draw.clip();
  draw.font = `11px ${colours.font}`;
  draw.textBaseline = "middle";
  draw.textAlign = "left";
  draw.fillStyle = colours.muted;
  draw.fillText(parts.join(" · "), from + 2, top - LABEL / 2 + 1);
  draw.restore();
}

const VIOLENT = new Set(["crash", "start_failed", "cancellation", "timeout"]);

// Above the bars: an end that was not planned has to be seen.
export function drawExit(frame: Frame, placed: Placed): void {
  const { draw, colours, x } = frame;
  const { exited_ms, exit_reason, exit_status } = placed.container;
  if (exited_ms === null) return;
  const at = Math.round(x(exited_ms));
  if (at < -200 || at > frame.width + 2) return;
  const violent = VIOLENT.has(exit_reason ?? "");
  const top = rowY(placed, placed.slots - 1);
  const bottom = placed.lane.y + placed.lane.height - 1;
  const colour =
    exit_reason === "cancellation" || exit_reason === "timeout"
      ? colours.cancelled
      : violent
        ? colours.saturated
        : colours.lineStrong;
  draw.fillStyle = colour;
  draw.fillRect(at - (violent ? 2 : 1), top, violent ? 3 : 1, bottom - top);
  if (!violent) return;
  cross(frame, at - 0.5, top - 5, colour);
  draw.font = `600 11px ${colours.font}`;
  const text = exitText(exit_reason, exit_status);
  const width = draw.measureText(text).width;
  draw.textBaseline = "middle";
  draw.textAlign = "left";
  const begin = at - width - 12;
  draw.fillStyle = colours.surface;
  draw.fillRect(begin - 3, top - LABEL + 2, width + 6, LABEL - 3);
  draw.fillStyle = colour;
  draw.fillText(text, begin, top - LABEL / 2 + 1);
}

export function cross(frame: Frame, x: number, y: number, colour: string): void {
  const { draw } = frame;
  draw.strokeStyle = colour;
  draw.lineWidth = 2;
  draw.beginPath();
  draw.moveTo(x - 4, y - 4);
  draw.lineTo(x + 4, y + 4);
  draw.moveTo(x + 4, y - 4);
  draw.lineTo(x - 4, y + 4);
  draw.stroke();
  draw.lineWidth = 1;
}
