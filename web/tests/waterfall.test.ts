import { expect, test } from "vitest";
import type { Attempt, Span } from "../src/api/types";
import { waterfall } from "../src/parts/waterfall";
import { detail, input } from "./made";

const attempt = (given: Partial<Attempt>): Attempt => ({
  attempt: 0,
  container_id: "ct-A",
  slot: 0,
  started_ms: 1100,
  ended_ms: 1500,
  ending: "success",
  zone: "normal",
  concurrency: 1,
  wait_s: 0.1,
  wait_reason: "capacity",
  because_of: null,
  ...given,
});

const span = (id: string, parent: string | null, from: number): Span => ({
  span_id: id,
  parent_span_id: parent,
  name: id,
  kind: 1,
  started_ms: from,
  ended_ms: from + 10,
  status: 0,
  status_text: null,
  scope: "user",
  attempt: 0,
  attributes: [],
  events: [],
});

test("a life: it waited, ran, was interrupted, waited, and ran again", () => {
  const found = waterfall(
    detail({
      input: input({ ended_ms: 2500 }),
      attempts: [
        attempt({ ended_ms: 1500, ending: "neighbour" }),
        attempt({ attempt: 1, started_ms: 1700, ended_ms: 2500 }),
      ],
    }),
    null,
  );
  expect(found.rows.map((each) => each.label)).toEqual([
    "waiting",
    "attempt 0",
    "waiting",
    "attempt 1",
  ]);
  expect([found.from, found.to]).toEqual([1000, 2500]);
});

test("spans hang below their parents, and a broken tree does not hang the page", () => {
  const found = waterfall(
    detail({
      attempts: [attempt({})],
      spans: [
        span("b", "a", 1210),
        span("a", null, 1200),
        span("x", "y", 1300),
        span("y", "x", 1301),
      ],
    }),
    null,
  );
  const rows = found.rows.map((each) => [each.label, each.depth]);
  expect(rows).toContainEqual(["a", 1]);
  expect(rows).toContainEqual(["b", 2]);
  expect(rows.length).toBeLessThan(7);
});

test("the runtime's own span is the row of its attempt, and no row more", () => {
  const own = { ...span("e", null, 1100), scope: "telemetry", kind: 2 };
  const found = waterfall(detail({ attempts: [attempt({})], spans: [own] }), null);
  expect(found.rows.map((each) => each.label)).toEqual(["waiting", "running"]);
  expect(found.rows[1]?.span?.span_id).toBe("e");
});

test("one that waits still, or never ran, has its wait", () => {
  const waiting = input({ started_ms: null, ended_ms: null, outcome: null });
  const found = waterfall(detail({ input: waiting }), 5000);
  expect(found.rows).toMatchObject([{ label: "waiting", open: true, to: 5000 }]);
  const dropped = input({ started_ms: null, ended_ms: 1200, outcome: "cancelled" });
  expect(waterfall(detail({ input: dropped }), 5000).rows).toMatchObject([
    { open: false, to: 1200 },
  ]);
});
