// The life of an input as rows below each other: waits, attempts, the spans within. Pure.

import type { InputDetail, Span } from "../api/types";
import { endingText, waitText } from "../words";

export interface WaterfallRow {
  key: string;
  label: string;
  depth: number;
  from: number;
  to: number;
  open: boolean;
  kind: string;
  note: string;
  span: Span | null;
}

export interface Waterfall {
  from: number;
  to: number;
  rows: WaterfallRow[];
  marks: { at: number; text: string; kind: string }[];
  cut: number;
}

export const MOST_ROWS = 400;

export function waterfall(detail: InputDetail, nowMs: number | null): Waterfall {
  const { input } = detail;
  const rows: WaterfallRow[] = [];
  const end = input.ended_ms ?? Math.max(nowMs ?? 0, input.began_ms + 1);
  let free = input.enqueued_ms ?? input.began_ms;
  for (const each of detail.attempts) {
    if (each.started_ms === null) continue;
    if (each.started_ms > free) {
      rows.push(
        row(
          `wait ${each.attempt}`,
          "waiting",
          free,
          each.started_ms,
          "wait",
          waitText(each.wait_reason),
        ),
      );
    }
    const open = each.ended_ms === null;
    const to = each.ended_ms ?? end;
    const name = detail.attempts.length > 1 ? `attempt ${each.attempt}` : "running";
    rows.push({
      ...row(
        `run ${each.attempt}`,
        name,
        each.started_ms,
        to,
        each.ending ?? "running",
        endingText(each.ending),
      ),
      open,
      span:
        detail.spans.find((span) => isExecution(span) && span.attempt === each.attempt) ?? null,
    });
    rows.push(...spansWithin(detail.spans, each.attempt, each.started_ms, to));
    free = to;
  }
  const last = detail.attempts.at(-1);
  if (
    !detail.attempts.some((each) => each.started_ms !== null) ||
    (last?.ended_ms && !input.outcome)
  ) {
    const kind = input.outcome ?? "wait";
    rows.push({
      ...row(
        "queue",
        "waiting",
        free,
        end,
        "wait",
        input.outcome ? endingText(kind) : "in the queue",
      ),
      open: !input.outcome,
    });
  }
  const times = rows.flatMap((each) => [each.from, each.to]);
  const from = Math.min(input.enqueued_ms ?? input.began_ms, ...times);
  const to = Math.max(end, ...times, from + 0.001);
  return {
    from,
    to,
    rows: rows.slice(0, MOST_ROWS),
    marks: marksOf(detail, from, to),
    cut: Math.max(rows.length - MOST_ROWS, 0),
  };
}

function row(
  key: string,
  label: string,
  from: number,
  to: number,
  kind: string,
  note: string,
): WaterfallRow {
  return { key, label, depth: 0, from, to, open: false, kind, note, span: null };
}

function marksOf(detail: InputDetail, from: number, to: number): Waterfall["marks"] {
  const found: Waterfall["marks"] = [];
  const asked = detail.input.cancellation;
  if (asked?.requested_ms) {
    const text = asked.cause === "timeout" ? "timed out" : "cancellation asked for";
    found.push({ at: asked.requested_ms, text, kind: "cancelled" });
  }
  for (const each of detail.blocked) {
    found.push({ at: each.began_ms, text: "event loop blocked", kind: "blocked" });
  }
  return found.filter((each) => each.at >= from && each.at <= to);
}

// The runtime's own spans say what the rows of attempts and waits say already.
const OURS = "telemetry";
const SERVER = 2;

function isExecution(span: Span): boolean {
  return span.scope === OURS && span.kind === SERVER;
}

// Spans of user code, children below their parents, in the order of time.
function spansWithin(spans: Span[], attempt: number, from: number, to: number): WaterfallRow[] {
  const theirs = spans.filter(
    (each) => !isExecution(each) && !(each.scope === OURS && each.name === "queue"),
  );
  const mine = theirs.filter((each) =>
    each.attempt === null
      ? each.started_ms >= from && each.started_ms <= to
      : each.attempt === attempt,
  );
  const known = new Set(mine.map((each) => each.span_id));
  const below = new Map<string, Span[]>();
  for (const each of mine) {
    const parent =
      each.parent_span_id && known.has(each.parent_span_id) ? each.parent_span_id : "";
    below.set(parent, [...(below.get(parent) ?? []), each]);
  }
  const found: WaterfallRow[] = [];
  const seen = new Set<string>();
  const walk = (parent: string, depth: number) => {
    const children = below.get(parent) ?? [];
    children.sort((a, b) => a.started_ms - b.started_ms);
    for (const each of children) {
      // A span that is its own ancestor, from a tracer that is broken.
      if (seen.has(each.span_id)) continue;
      seen.add(each.span_id);
      found.push({
        key: `span ${each.span_id}`,
        label: each.name,
        depth,
        from: each.started_ms,
        to: each.ended_ms,
        open: false,
        kind: each.status === 2 ? "error" : "span",
        note: each.status_text ?? "",
        span: each,
      });
      walk(each.span_id, depth + 1);
    }
  };
  walk("", 1);
  return found;
}
