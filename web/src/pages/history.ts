// The last minutes of a function: what the store had, and from then on what was seen. Pure.

import type { LoadHistory, Now } from "../api/types";
import type { ChartData } from "../parts/chart_options";

export const WINDOW_MS = 3 * 60_000;

export function chartOf(
  name: string,
  history: LoadHistory | undefined,
  seen: Now[],
  nowMs: number,
): ChartData {
  const columns: (number | null)[][] = [[], [], [], [], []];
  const from = nowMs - WINDOW_MS;
  const put = (ms: number, ...values: (number | null)[]) => {
    if (ms < from) return;
    [ms / 1000, ...values].forEach((value, at) => columns[at]?.push(value));
  };
  const firstSeen = seen[0]?.now_ms ?? Infinity;
  if (history) {
    history.running.forEach((running, at) => {
      const ms = history.from_ms + at * history.step_ms;
      if (ms >= firstSeen) return;
      put(
        ms,
        running,
        history.queued[at] ?? 0,
        history.target[at] || null,
        history.limit[at] || null,
      );
    });
  }
  for (const now of seen) {
    const found = now.functions.find((each) => each.function === name);
    const [target, limit] = capacity(name, now);
    put(now.now_ms, found?.running ?? 0, found?.queued ?? 0, target || null, limit || null);
  }
  // One point alone draws nothing.
  if ((columns[0]?.length ?? 0) < 2) put(nowMs, 0, 0, null, null);
  return { columns };
}

// What the containers that take inputs are meant to run, and may run at most.
export function capacity(name: string, now: Now): [number, number] {
  let target = 0;
  let limit = 0;
  for (const each of now.containers) {
    if (each.function !== name || each.state !== "ready") continue;
    limit += each.limit ?? 0;
    target += each.target ?? each.limit ?? 0;
  }
  return [target, limit];
}
