import { describe, expect, test } from "vitest";
import { search } from "../src/api/http";
import type { FunctionNow, Moment, Now } from "../src/api/types";
import { matches } from "../src/logs/matching";
import { conclusion, traceback } from "../src/logs/traceback";
import { chartOf } from "../src/pages/history";
import { address, parseRoute } from "../src/routing";
import { endingText, exitText, momentTitle, nowSentence } from "../src/words";
import { line } from "./made";

describe("addresses", () => {
  test("lead back to where they came from", () => {
    const route = parseRoute(address("input", "in-1/2?x#y", { text: "a b&c" }));
    expect(route).toEqual({ page: "input", id: "in-1/2?x#y", query: { text: "a b&c" } });
  });

  test.each(["", "#", "#/nowhere", "#/%", "#javascript:alert(1)", "#/../../etc"])(
    "%s is the page Now",
    (hash) => {
      expect(parseRoute(hash).page).toBe("now");
    },
  );

  test("an id that is no escape sequence stays as it is", () => {
    expect(parseRoute("#/input/%E0%A4%A").id).toBe("%E0%A4%A");
  });

  test("questions to the server leave out what was not asked", () => {
    expect(search({ text: "", level: "error", older: undefined, limit: 5 })).toBe(
      "?level=error&limit=5",
    );
  });
});

describe("lines of a report", () => {
  test.each([
    [{ text: "wor" }, true],
    [{ text: "orld" }, false],
    [{ text: "HELLO W" }, true],
    [{ text: "(" }, false],
    [{ level: "warning" }, false],
    [{ input: "in-1" }, true],
    [{ input: "in-2" }, false],
    [{ stream: "log" }, true],
    [{ stream: "stdout" }, false],
    [{ origin: "none" }, false],
  ])("%o fits: %s", (query, fits) => expect(matches(line(), query)).toBe(fits));
});

const TRACE = `Traceback (most recent call last):
  File "/srv/app.py", line 8, in main
    work()
    ^^^^^^
  File "/usr/lib/python3.11/x.py", line 3, in work
    raise KeyError("a")
KeyError: 'a'
`;

test("a traceback has frames with their code, and what it came to", () => {
  const parts = traceback(TRACE);
  expect(parts.filter((each) => each.kind === "frame")).toMatchObject([
    { file: "/srv/app.py", line: "8", name: "main", code: ["work()"] },
    { file: "/usr/lib/python3.11/x.py", code: ['raise KeyError("a")'] },
  ]);
  expect(parts.at(-1)).toEqual({ kind: "error", text: "KeyError: 'a'" });
  expect(conclusion(TRACE)).toBe("KeyError: 'a'");
  expect(conclusion("no traceback <b>at all</b>")).toBe("no traceback <b>at all</b>");
});

const fn = (given: Partial<FunctionNow>): FunctionNow => ({
  function: "translate",
  mode: "async",
  running: 0,
  queued: 0,
  oldest_s: null,
  target: 10,
  limit: 12,
  max_containers: 2,
  states: {},
  zones: {},
  want: null,
  settled: {},
  ...given,
});

describe("words", () => {
  test.each([
    [{}, "Nothing runs."],
    [{ states: { starting: 1 }, queued: 3 }, "Nothing runs; 3 wait. 1 container is starting."],
    [
      { running: 12, states: { ready: 1 }, zones: { saturated: 1 } },
      "12 inputs run in 1 container, one of them full.",
    ],
    [{ running: 1, states: { ready: 1 }, queued: 1 }, "1 input runs in 1 container. 1 waits."],
  ])("%o", (given, text) => expect(nowSentence(fn(given))).toBe(text));

  test("unknown names are said as they are", () => {
    expect(endingText("odd")).toBe("odd");
    expect(exitText("crash", -9)).toBe("crashed (SIGKILL)");
    expect(exitText("crash", 3)).toBe("crashed (status 3)");
    expect(momentTitle({ kind: "odd" } as Moment)).toBe("odd");
  });
});

test("the chart joins what was stored and what was seen", () => {
  const seen = {
    now_ms: 10_000,
    functions: [fn({ running: 4 })],
    containers: [],
  } as unknown as Now;
  const stored = {
    function: "translate",
    from_ms: 8000,
    step_ms: 1000,
    running: [1, 2, 3, 9],
    queued: [0, 0, 0, 0],
    target: [10, 10, 10, 10],
    limit: [12, 12, 12, 12],
  };
  const { columns } = chartOf("translate", stored, [seen], 10_000);
  expect(columns[0]).toEqual([8, 9, 10]);
  expect(columns[1]).toEqual([1, 2, 4]);
  expect(columns[3]).toEqual([10, 10, null]);
});
