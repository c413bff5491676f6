// Which lines fit a query, as telemetry/pipeline/store/queries/matching.py has it. Pure.

import type { LineQuery } from "../api/source";
import type { Line } from "../api/types";
import { LEVELS } from "../words";

export function matches(line: Line, query: LineQuery): boolean {
  if (query.input && line.input_id !== query.input && !line.candidates.includes(query.input))
    return false;
  if (query.function && line.function !== query.function) return false;
  if (query.level && rank(line.level) < rank(query.level)) return false;
  if (query.stream && (line.stream ?? "log") !== query.stream) return false;
  if (query.origin && !comesFrom(line, query.origin)) return false;
  return !query.text || says(line, query.text);
}

function rank(level: string): number {
  return (LEVELS as readonly string[]).indexOf(level);
}

function comesFrom(line: Line, origin: string): boolean {
  return origin === "late" ? line.late : line.input_id === null;
}

// As it is written, whatever its case, from the beginning of a word on.
function says(line: Line, text: string): boolean {
  const begins = /^[\p{L}\p{N}]/u.test(text) ? "(?<![\\p{L}\\p{N}])" : "";
  const escaped = text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  const pattern = new RegExp(begins + escaped, "iu");
  return pattern.test(line.event) || pattern.test(line.exception ?? "");
}
