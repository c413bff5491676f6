import { describe, expect, test } from "vitest";
import {
  ago,
  bytes,
  clock,
  count,
  elapsed,
  firstTick,
  plural,
  seconds,
  shortId,
  tickLabel,
  tickStep,
} from "../src/format";

describe("lengths", () => {
  test.each([
    [null, "–"],
    [0, "0 s"],
    [0.0000123, "12.3 µs"],
    [0.0012, "1.2 ms"],
    [0.9994, "999 ms"],
    [0.9996, "1 s"],
    [12.34, "12.3 s"],
    [59.96, "1 min 00 s"],
    [3599.6, "1 h 00 min"],
    [90000, "25 h 00 min"],
    [260000, "3.01 d"],
    [-0.002, "−2 ms"],
  ])("%s s reads %s", (value, text) => expect(seconds(value)).toBe(text));

  test("what counts up shows tenths only while it is short", () => {
    expect([elapsed(940), elapsed(12_900), elapsed(61_000), elapsed(-5)]).toEqual([
      "0.9 s",
      "12 s",
      "1 min 01 s",
      "0.0 s",
    ]);
  });
});

test("ticks that are no round number in binary are told apart", () => {
  const at = new Date(2026, 10, 28, 17, 40, 28).getTime();
  const ticks = [0, 100, 200, 300, 999].map((ms) => tickLabel(at + ms, 100));
  expect(ticks).toEqual(["28.0", "28.1", "28.2", "28.3", "28.9"].map((s) => `17:40:${s}`));
  expect(clock(at + 999.9, 4)).toBe("17:40:28.9999");
  expect(clock(at - 1, 0)).toBe("17:40:27");
});

test("sizes, numbers and ids", () => {
  expect([bytes(999), bytes(1500), bytes(999_600), bytes(2.5e9)]).toEqual([
    "999 B",
    "1.5 kB",
    "1 MB",
    "2.5 GB",
  ]);
  expect(count(1234567)).toBe("1,234,567");
  expect(plural(1, "input")).toBe("1 input");
  expect(shortId("in-01M8Z0000000000000000ABC123")).toBe("ABC123");
  expect(shortId("own-id")).toBe("own-id");
  expect(ago(0, 125_000)).toBe("2 min ago");
});

test("ticks are round and not too close to each other", () => {
  const step = tickStep(60_000, 900);
  expect(step).toBe(10_000);
  expect(firstTick(12_345, step)).toBe(20_000);
  expect(tickStep(5, 900)).toBeGreaterThan(0);
});
