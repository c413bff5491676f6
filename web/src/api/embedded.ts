// A report as a source: what the server would have answered lies in the page itself.

import { NotFound, type LineQuery, type Source, type Stop } from "./source";
import type * as t from "./types";
import { matches } from "../logs/matching";
import { slice } from "../timeline/slice";

// What `telemetry report` writes: see telemetry/view/report.py.
export interface Report {
  overview: t.Overview;
  layout: t.Layout;
  tile: t.Tile;
  load: t.LoadHistory[];
  inputs: Record<string, t.InputDetail>;
  lines: t.Line[];
  failures: t.Failures;
  containers: t.ContainersPage;
}

export function embedded(): EmbeddedSource | null {
  const found = document.getElementById("report")?.textContent;
  return found ? new EmbeddedSource(JSON.parse(found) as Report) : null;
}

const NOTHING: Stop = () => undefined;

export class EmbeddedSource implements Source {
  readonly live = false;

  constructor(private readonly report: Report) {}

  overview = async () => this.report.overview;
  layout = async () => this.report.layout;
  tile = async (level: number, index: number) => slice(this.report.tile, level, index);
  load = async () => this.report.load;
  failures = async () => this.report.failures;
  containers = async () => this.report.containers;
  watchNow = () => NOTHING;
  watchLines = () => NOTHING;

  async input(id: string): Promise<t.InputDetail> {
    const key =
      id in this.report.inputs
        ? id
        : Object.keys(this.report.inputs).find((each) => each.endsWith(id.toUpperCase()));
    const found = key && this.report.inputs[key];
    if (!found)
      throw new NotFound(
        "A report holds those that failed or were cancelled, the slowest, and their neighbours.",
      );
    return found;
  }

  async lines(query: LineQuery): Promise<t.LinesPage> {
    const began = performance.now();
    const limit = query.limit ?? 200;
    const found = this.report.lines.filter((each) => matches(each, query));
    let from = Math.max(found.length - limit, 0);
    const place = (cursor: string) => found.findIndex((each) => each.cursor === cursor);
    if (query.older !== undefined) from = Math.max(place(query.older) - limit, 0);
    else if (query.newer !== undefined) from = place(query.newer) + 1;
    else if (query.around_ms !== undefined) {
      const at = found.findIndex((each) => each.at_ms >= (query.around_ms ?? 0));
      from = Math.max((at < 0 ? found.length : at) - limit / 2, 0);
    }
    const lines = found.slice(from, from + limit);
    return {
      lines,
      older: from > 0 ? (lines[0]?.cursor ?? null) : null,
      newer: from + limit < found.length ? (lines.at(-1)?.cursor ?? null) : null,
      last: found.at(-1)?.id ?? 0,
      took_ms: performance.now() - began,
    };
  }

  async line(id: number): Promise<t.Line> {
    const found = this.report.lines.find((each) => each.id === id);
    if (!found) throw new NotFound("This line is not in the report.");
    return found;
  }

  async postMortem(): Promise<t.PostMortem> {
    throw new NotFound("A report holds no black boxes; `telemetry blackbox` shows them.");
  }
}
