import { expect, test } from "vitest";
import { pieces, plainText } from "../src/logs/ansi";

const shown = (text: string) =>
  pieces(text)
    .map((each) => each.text)
    .join("");

test("markup stays text", () => {
  const evil = "<script>alert(1)</script>";
  expect(pieces(evil)).toEqual([{ text: evil, classes: "", code: false }]);
});

test("colours become classes of ours and nothing else", () => {
  const found = pieces("\x1b[1;31mred\x1b[0m plain \x1b[38;5;46mgreen\x1b[38;2;80;80;250mblue");
  expect(found.map((each) => each.classes)).toEqual([
    "ansi-red ansi-bold",
    "",
    "ansi-green",
    "ansi-blue",
  ]);
  for (const each of found) expect(each.classes).toMatch(/^[a-z -]*$/);
});

test("a class never holds what the text says", () => {
  for (const text of ["\x1b[38;5;999m x", "\x1b[;;;m x", "\x1b[38;2;999;-1mx", "\x1b[1e3mx"]) {
    for (const each of pieces(text)) expect(each.classes).toMatch(/^[a-z -]*$/);
  }
});

test("links, titles and cursor movements are left out", () => {
  expect(shown("a\x1b]8;;http://x\x07link\x1b]8;;\x1b\\b\x1b[2Jc\x1b]0;title\x07d")).toBe(
    "alinkbcd",
  );
});

test("what hides or reorders text is shown by its name", () => {
  const found = pieces("a\u202eb\x00c\x1b");
  expect(found.filter((each) => each.code).map((each) => each.text)).toEqual([
    "U+202E",
    "U+0000",
    "ESC",
  ]);
});

test("a megabyte of escape characters is read before the test is given up", () => {
  plainText("\x1b[".repeat(300_000) + "\x1b]".repeat(200_000));
  expect(pieces("\x1b[31m".repeat(1000) + "x").at(-1)?.text).toBe("x");
});

test("letters from right to left are letters", () => {
  expect(pieces("שלום")).toEqual([{ text: "שלום", classes: "", code: false }]);
});
