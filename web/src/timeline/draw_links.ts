// What led to what: from the input that was cancelled to the neighbours that had to
// go with their container, and from each of those to where it ran again.

import type { Frame } from "./draw";
import { cross } from "./draw_container";
import { rowY, type Placed } from "./lanes";

export function drawLinks(frame: Frame): void {
  drawCauses(frame);
  const drawn = new Set<string>();
  for (const { prepared } of frame.scene.tiles) {
    const { links } = prepared.tile;
    links.forEach((link) => {
      const key = `${link.input}/${link.attempt}`;
      const from = frame.scene.floor.byId.get(link.from_container);
      const to = frame.scene.floor.byId.get(link.to_container);
      if (drawn.has(key) || !from || !to) return;
      drawn.add(key);
      arrow(
        frame,
        frame.x(link.from_ms),
        middle(from, link.from_slot),
        frame.x(link.to_ms),
        middle(to, link.to_slot),
        frame.colours.edges[link.ending] ?? frame.colours.muted,
        link.input === frame.scene.selected,
      );
    });
  }
}

function middle(placed: Placed, slot: number): number {
  return rowY(placed, slot) + placed.lane.row / 2 - 1;
}

function arrow(
  frame: Frame,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  colour: string,
  selected: boolean,
): void {
  if (Math.max(x0, x1) < -50 || Math.min(x0, x1) > frame.width + 50) return;
  const { draw } = frame;
  const reach = Math.min(Math.max(Math.abs(x1 - x0) * 0.5, 14), 80);
  draw.strokeStyle = colour;
  draw.fillStyle = colour;
  draw.globalAlpha = selected ? 1 : 0.7;
  draw.lineWidth = selected ? 2.25 : 1.25;
  draw.beginPath();
  draw.moveTo(x0, y0);
  draw.bezierCurveTo(x0 + reach, y0, x1 - reach, y1, x1 - 2, y1);
  draw.stroke();
  draw.beginPath();
  draw.moveTo(x1 + 1, y1);
  draw.lineTo(x1 - 6, y1 - 3.5);
  draw.lineTo(x1 - 6, y1 + 3.5);
  draw.fill();
  draw.globalAlpha = 1;
  draw.lineWidth = 1;
}

const CAUSES = new Set(["cancellation", "timeout"]);

function drawCauses(frame: Frame): void {
  const { scene, draw, colours, x } = frame;
  for (const moment of scene.moments) {
    if (!CAUSES.has(moment.kind) || moment.slot === null) continue;
    const placed = scene.floor.byId.get(moment.container_id ?? "");
    const at = x(moment.at_ms);
    if (!placed || at < -10 || at > frame.width + 10) continue;
    // From afar, only what had consequences.
    if (!moment.moved.length && scene.view.to - scene.view.from > 45_000) continue;
    const y = middle(placed, moment.slot);
    const colour = moment.kind === "timeout" ? colours.edges["timeout"] : colours.cancelled;
    const ends = moment.moved.map((each) => middle(placed, each.slot ?? 0));
    if (ends.length) {
      draw.strokeStyle = colour ?? colours.cancelled;
      draw.lineWidth = 1.5;
      draw.beginPath();
      draw.moveTo(at, Math.min(y, ...ends));
      draw.lineTo(at, Math.max(y, ...ends));
      draw.stroke();
      draw.fillStyle = colour ?? colours.cancelled;
      for (const end of ends) {
        draw.beginPath();
        draw.arc(at, end, 2.5, 0, 2 * Math.PI);
        draw.fill();
      }
    }
    draw.fillStyle = colours.surface;
    draw.beginPath();
    draw.arc(at, y, 7, 0, 2 * Math.PI);
    draw.fill();
    cross(frame, at, y, colour ?? colours.cancelled);
  }
}
