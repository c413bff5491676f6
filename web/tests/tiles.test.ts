import { expect, test, vi } from "vitest";
import { barAt, crowdAt, prepared } from "../src/timeline/prepared";
import { slice } from "../src/timeline/slice";
import { TileCache } from "../src/timeline/tiles";
import { tile } from "./made";

test("bars are sorted by how they look", () => {
  const byOutcome = prepared(tile(), "outcome", 0);
  expect([...byOutcome.bars.keys()]).toEqual(["success", "running", "neighbour"]);
  const byZone = prepared(tile(), "zone", 0);
  // What was interrupted still looks like that.
  expect([...byZone.bars.keys()]).toEqual(["normal", "burst", "neighbour"]);
});

test("the bar under the pointer is found, also one that still runs", () => {
  const found = prepared(tile(), "outcome", 0);
  expect(barAt(found, "ct-A", 0, 1024 + 100, 0)?.input).toBe("in-1");
  expect(barAt(found, "ct-A", 0, 1024 + 900, 0)).toMatchObject({ input: "in-2", endMs: null });
  expect(barAt(found, "ct-A", 0, 1024 + 170, 0)).toBeNull();
  expect(barAt(found, "ct-B", 0, 1024 + 100, 0)).toBeNull();
});

test("a crowd of short executions tells how many they are", () => {
  const found = prepared(tile(), "outcome", 0);
  expect(crowdAt(found, "ct-A", 3, 1024 + 10 * 2 + 1)?.count).toBe(7);
  expect(crowdAt(found, "ct-A", 3, 1024 + 50)).toBeNull();
});

test("a slice of a report's tile holds what lies in it, at the same times", () => {
  const part = slice(tile(), 8, 5); // 1280 to 1536 ms
  expect(part.bars.input).toEqual(["in-2", "in-3"]);
  expect(part.from_ms + (part.bars.start[0] ?? 0)).toBe(1224);
  expect(part.load[0]?.running.every((each) => each === 1)).toBe(true);
  expect(slice(tile(), 8, 40).bars.input).toEqual(["in-2"]); // it still runs
});

const settle = () => new Promise((done) => setTimeout(done, 0));

test("a tile is fetched once, and coarser ones stand in until it is there", async () => {
  const fetch = vi.fn(async (level: number, index: number) =>
    tile({ from_ms: index * 2 ** level, to_ms: (index + 1) * 2 ** level, complete: true }),
  );
  const cache = new TileCache(fetch, () => undefined);
  const now = Date.now();
  cache.want([{ level: 10, index: 1 }], now, now);
  await settle();
  cache.want([{ level: 10, index: 1 }], now, now);
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(cache.get({ level: 10, index: 1 })).toBeDefined();
  expect(cache.standIns({ level: 8, index: 5 }).length).toBe(1);
  expect(cache.standIns({ level: 8, index: 50 }).length).toBe(0);
});

test("what has left the window is not waited for", async () => {
  const aborted: boolean[] = [];
  const cache = new TileCache(
    (_level, _index, signal) =>
      new Promise((_, fail) =>
        signal.addEventListener("abort", () => {
          aborted.push(true);
          fail(new Error("aborted"));
        }),
      ),
    () => undefined,
  );
  cache.want([{ level: 10, index: 1 }], 0, 0);
  cache.want([{ level: 10, index: 9 }], 0, 0);
  await settle();
  expect(aborted).toEqual([true]);
  expect(cache.problem).toBe("");
});

test("a failure is said, and not tried again at once", async () => {
  const fetch = vi.fn(async () => {
    throw new Error("no answer");
  });
  const cache = new TileCache(fetch, () => undefined);
  const now = Date.now();
  cache.want([{ level: 10, index: 1 }], now, now);
  await settle();
  cache.want([{ level: 10, index: 1 }], now, now);
  expect(cache.problem).toBe("no answer");
  expect(fetch).toHaveBeenCalledTimes(1);
  cache.want([{ level: 10, index: 1 }], Date.now() + 2000, now);
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("the cache stays bounded", async () => {
  const cache = new TileCache(
    async () => tile({ complete: true }),
    () => undefined,
  );
  for (let index = 0; index < 400; index += 1) {
    cache.want([{ level: 10, index }], 0, 0);
    await settle();
  }
  const held = Array.from({ length: 400 }, (_, index) =>
    cache.get({ level: 10, index }),
  ).filter(Boolean);
  expect(held.length).toBeLessThanOrEqual(160);
  expect(cache.get({ level: 10, index: 399 })).toBeDefined();
});
