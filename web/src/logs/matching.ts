// Which lines fit a query, as the store has it: all words, as beginnings, in any order. Pure.

import type { LineQuery } from "../api/source";
import type { Line } from "../api/types";
import { LEVELS } from "../words";

export function matches(line: Line, query: LineQuery): boolean {
  if (query.input && line.input_id !== query.input && !line.candidates.includes(query.input)) return false;
  if (query.function && line.function !== query.function) return false;
  if (query.level && rank(line.level) < rank(query.level)) return false;
  if (query.stream && (line.stream ?? "log") !== query.stream) return false;
  if (query.origin && !comesFrom(line, query.origin)) return false;
  return !query.text || hasWords(line, query.text);
}

function rank(level: string): number {
  return (LEVELS as readonly string[]).indexOf(level);
}

function comesFrom(line: Line, origin: string): boolean {
  if (origin === "input") return line.input_id !== null;
  if (origin === "none") return line.input_id === null && !line.candidates.length;
  if (origin === "candidates") return line.candidates.length > 0;
  return line.late;
}

function hasWords(line: Line, text: string): boolean {
  const has = words(`${line.event} ${line.exception ?? ""}`);
  return words(text).every((word) => has.some((each) => each.startsWith(word)));
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
