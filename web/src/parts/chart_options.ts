// How the chart of a function looks; the zones are painted below the lines.

import uPlot from "uplot";
import { clock } from "../format";

// Columns: Unix seconds, running, queued, target, limit. Of all containers together.
export interface ChartData {
  columns: (number | null)[][];
}

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function chartOptions(width: number, height: number): uPlot.Options {
  const muted = colour("--muted");
  const grid = { stroke: colour("--line"), width: 1 };
  const font = `11px ${colour("--font")}`;
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const paths = stepped ? { paths: stepped } : {};
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { show: false } },
    legend: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.12, 1.2)] },
    },
    axes: [
      {
        stroke: muted,
        grid: { show: false },
        ticks: { show: false },
        font,
        size: 22,
        values: (_plot, values) => values.map((each) => clock(each * 1000, 0)),
        space: 90,
      },
      {
        stroke: muted,
        grid,
        ticks: { show: false },
        font,
        size: 38,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000],
      },
    ],
    series: [
      {},
      {
        ...paths,
        stroke: colour("--running"),
        width: 1.5,
        fill: `${colour("--running")}33`,
        points: { show: false },
      },
      {
        ...paths,
        stroke: colour("--text"),
        width: 1.25,
        dash: [2, 3],
        points: { show: false },
      },
      {
        ...paths,
        stroke: colour("--burst"),
        width: 1.25,
        dash: [6, 4],
        points: { show: false },
      },
      { ...paths, stroke: colour("--saturated"), width: 1.25, points: { show: false } },
    ],
    hooks: { drawClear: [shadeZones] },
  };
}

// Below target, between target and limit, above: as they were at each moment.
function shadeZones(plot: uPlot): void {
  const [times, , , target, limit] = plot.data as (number | null)[][];
  if (!times?.length || !target || !limit) return;
  const { ctx } = plot;
  const x = (value: number) => plot.valToPos(value, "x", true);
  const y = (value: number) => plot.valToPos(value, "y", true);
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.globalAlpha = 0.1;
  const normal = colour("--normal");
  const burst = colour("--burst");
  for (let at = 0; at < times.length; at += 1) {
    const begin = x(times[at] ?? 0);
    const end = at + 1 < times.length ? x(times[at + 1] ?? 0) : left + width;
    const wide = Math.max(end - begin, 0);
    if (!target[at] || !limit[at]) continue;
    const goal = y(target[at] ?? 0);
    ctx.fillStyle = normal;
    ctx.fillRect(begin, goal, wide, y(0) - goal);
    ctx.fillStyle = burst;
    ctx.fillRect(begin, y(limit[at] ?? 0), wide, goal - y(limit[at] ?? 0));
  }
  ctx.restore();
}
