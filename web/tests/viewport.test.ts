import { describe, expect, test } from "vitest";
import {
  around,
  eased,
  kept,
  LEAST_MS,
  levelFor,
  panned,
  span,
  tileSpan,
  tilesFor,
  zoomed,
} from "../src/timeline/viewport";

const whole = { from: 0, to: 100_000 };

describe("zoom", () => {
  test("keeps the moment under the pointer where it is", () => {
    const next = zoomed({ from: 20_000, to: 40_000 }, 0.5, 25_000, whole);
    expect((25_000 - next.from) / span(next)).toBeCloseTo(0.25);
    expect(span(next)).toBe(10_000);
  });

  test("ends at five milliseconds and somewhat beyond the whole run", () => {
    expect(span(zoomed({ from: 10, to: 20 }, 0.001, 15, whole))).toBe(LEAST_MS);
    expect(span(zoomed(whole, 1000, 50, whole))).toBe(150_000);
  });
});

test("nobody gets lost: some of the run stays in sight", () => {
  const far = panned({ from: 0, to: 1000 }, 1e9, whole);
  expect(far.from).toBeLessThan(whole.to);
  const early = panned({ from: 0, to: 1000 }, -1e9, whole);
  expect(early.to).toBeGreaterThan(whole.from);
  expect(kept({ from: 5, to: 6 }, whole)).toEqual({ from: 5, to: 6 });
});

test.each([10, 900, 30_000, 3_600_000, 86_400_000])(
  "a window of %s ms takes two to four tiles",
  (width) => {
    const view = { from: 1_780_000_000_123, to: 1_780_000_000_123 + width };
    const level = levelFor(view);
    const tiles = tilesFor(view, level);
    expect(tiles.length).toBeLessThanOrEqual(4);
    const first = tiles[0];
    const last = tiles.at(-1);
    expect((first?.index ?? 0) * tileSpan(level)).toBeLessThanOrEqual(view.from);
    expect(((last?.index ?? 0) + 1) * tileSpan(level)).toBeGreaterThanOrEqual(view.to);
  },
);

test("a moment is shown with what came before and after it", () => {
  const view = around(1000, 3000);
  expect(view.from).toBeLessThan(1000);
  expect(view.to).toBeGreaterThan(3000);
});

test("the window glides to its goal and arrives", () => {
  let view = { from: 0, to: 10 };
  const goal = { from: 100, to: 130 };
  let frames = 0;
  while (view !== goal && frames < 200) {
    view = eased(view, goal, 16);
    frames += 1;
  }
  expect(view).toBe(goal);
  expect(frames).toBeLessThan(80);
});
