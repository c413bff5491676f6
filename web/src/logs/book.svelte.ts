// The lines that a list holds: a window over all that fit a query, which can be moved
// to older and newer ones, and follow what comes in. It never grows without bound.

import { NotFound, type LineQuery, type Source, type Stop } from "../api/source";
import type { Line } from "../api/types";
import { messageOf } from "../state.svelte";

export const PAGE = 200;
export const MOST = 600;

export class LineBook {
  lines = $state.raw<Line[]>([]);
  older = $state<string | null>(null);
  newer = $state<string | null>(null);
  tookMs = $state<number | null>(null);
  skipped = $state(0);
  waiting = $state(0);
  problem = $state("");
  loading = $state(false);
  paused = $state(false);
  private query: LineQuery = {};
  private last = 0;
  private stop: Stop = () => undefined;
  private abort = new AbortController();

  constructor(private readonly source: Source) {}

  async show(query: LineQuery, follow: boolean): Promise<void> {
    this.close();
    this.query = query;
    this.skipped = this.waiting = 0;
    this.paused = false;
    const found = await this.fetch({ ...query, limit: PAGE });
    if (!found) return;
    this.lines = found.lines;
    this.older = found.older;
    this.newer = found.newer;
    this.last = found.last;
    if (follow) this.follow();
  }

  async loadOlder(): Promise<void> {
    if (this.older === null || this.loading) return;
    const found = await this.fetch({ ...this.asked(), older: this.older, limit: PAGE });
    if (!found) return;
    const all = [...found.lines, ...this.lines];
    this.lines = all.slice(0, MOST);
    this.older = found.older;
    if (all.length > MOST) this.newer = this.lines.at(-1)?.cursor ?? null;
  }

  async loadNewer(): Promise<void> {
    if (this.newer === null || this.loading) return;
    const found = await this.fetch({ ...this.asked(), newer: this.newer, limit: PAGE });
    if (!found) return;
    // What was written in the same moment as the last line may come once more.
    const known = new Set(this.lines.map((each) => each.id));
    const all = [...this.lines, ...found.lines.filter((each) => !known.has(each.id))];
    this.lines = all.slice(-MOST);
    this.newer = found.newer;
    if (all.length > MOST) this.older = this.lines[0]?.cursor ?? null;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    void this.show(this.query, true);
  }

  close(): void {
    this.stop();
    this.stop = () => undefined;
    this.abort.abort();
    this.abort = new AbortController();
  }

  private asked(): LineQuery {
    const { around_ms: _, ...rest } = this.query;
    return rest;
  }

  private follow(): void {
    this.stop = this.source.watchLines(
      { ...this.asked(), after: this.last },
      (tail) => {
        if (this.paused) {
          this.waiting += tail.lines.length + tail.skipped;
          return;
        }
        this.skipped += tail.skipped;
        const fresh = tail.lines.filter((each) => each.id > this.last);
        if (!fresh.length) return;
        this.last = Math.max(...fresh.map((each) => each.id));
        const all = [...this.lines, ...fresh];
        this.lines = all.slice(-MOST);
        if (all.length > MOST) this.older = this.lines[0]?.cursor ?? null;
      },
      // Opened anew, it goes on behind the last line that is here: begin again there.
      () => window.setTimeout(() => this.paused || this.resume(), 1500),
    );
  }

  private async fetch(query: LineQuery) {
    this.loading = true;
    const { signal } = this.abort;
    try {
      const found = await this.source.lines(query, signal);
      this.problem = "";
      this.tookMs = found.took_ms;
      return found;
    } catch (error) {
      if (signal.aborted) return null;
      this.problem =
        error instanceof NotFound ? "There are no such lines any more." : messageOf(error);
      return null;
    } finally {
      if (!signal.aborted) this.loading = false;
    }
  }
}
