import { expect, test } from "vitest";
import { laidOut, placeAt, rowY, targetY } from "../src/timeline/lanes";
import { container } from "./made";

const twoAndOne = [
  container({ container_id: "ct-1", starting_ms: 0, exited_ms: 100 }),
  container({ container_id: "ct-2", starting_ms: 50, exited_ms: 200 }),
  container({ container_id: "ct-3", starting_ms: 120, exited_ms: null }),
];

test("a container that is gone leaves its lane to the next", () => {
  const floor = laidOut(twoAndOne, 300);
  const lanes = ["ct-1", "ct-2", "ct-3"].map((id) => floor.byId.get(id)?.lane);
  expect(lanes[0]).toBe(lanes[2]);
  expect(lanes[1]).not.toBe(lanes[0]);
});

test("two that live at once never share a lane", () => {
  const many = Array.from({ length: 40 }, (_, at) =>
    container({ container_id: `ct-${at}`, starting_ms: at * 10, exited_ms: at * 10 + 35 }),
  );
  const floor = laidOut(many, 1000);
  for (const group of floor.groups) {
    for (const a of group.containers) {
      for (const b of group.containers) {
        const apart = a === b || a.to <= b.from || b.to <= a.from;
        expect(apart || a.lane !== b.lane).toBe(true);
      }
    }
  }
});

test("slots stand on each other, and the target line below the first of the burst", () => {
  const placed = laidOut([container()], 300).byId.get("ct-A");
  if (!placed) throw new Error("no place");
  expect(rowY(placed, 1)).toBeLessThan(rowY(placed, 0));
  expect(targetY(placed)).toBeCloseTo(rowY(placed, 9));
  expect(rowY(placed, 10)).toBeLessThan(targetY(placed) ?? 0);
  expect(targetY({ ...placed, container: container({ target: 12 }) })).toBeNull();
});

test("a hundred and twenty slots still fit on a screen", () => {
  const floor = laidOut([container({ limit: 120, target: 100 })], 300);
  expect(floor.height).toBeLessThan(500);
});

test("what is under the pointer is the slot that is drawn there", () => {
  const floor = laidOut([container()], 300);
  const placed = floor.byId.get("ct-A");
  if (!placed) throw new Error("no place");
  for (const slot of [0, 5, 11]) {
    const middle = rowY(placed, slot) + placed.lane.row / 2;
    expect(placeAt(floor, 150, middle)?.slot).toBe(slot);
  }
  expect(placeAt(floor, -50, placed.lane.y + 30)).toBeNull();
});

test("functions that live stand above those that are gone", () => {
  const floor = laidOut(
    [
      container({ function: "a", container_id: "1", exited_ms: 10 }),
      container({ function: "b", container_id: "2" }),
    ],
    300,
  );
  expect(floor.groups.map((each) => each.function)).toEqual(["b", "a"]);
});
