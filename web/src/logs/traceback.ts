// A Python traceback as parts that can be laid out. What is not understood stays text.

export interface FramePart {
  kind: "frame";
  file: string;
  line: string;
  name: string;
  code: string[];
}

export interface TextPart {
  kind: "text" | "error";
  text: string;
}

export type Part = FramePart | TextPart;

// Source: traceback.StackSummary.format of Python 3.11 to 3.13.
const FRAME = /^\s*(?:[|+-]\s*)*File "([^"]*)", line (\d+)(?:, in (.*))?$/;
const ERROR = /^(?:\s*[|+-]\s*)*[A-Za-z_][\w.]*(?:: .*)?$/;

export function traceback(text: string): Part[] {
  const found: Part[] = [];
  let frame: FramePart | null = null;
  for (const line of text.replace(/\n+$/, "").split("\n")) {
    const match = FRAME.exec(line);
    if (match) {
      frame = {
        kind: "frame",
        file: match[1] ?? "",
        line: match[2] ?? "",
        name: match[3] ?? "",
        code: [],
      };
      found.push(frame);
    } else if (frame && /^ {4,}\S/.test(line)) {
      if (!/^[\s~^]*$/.test(line)) frame.code.push(line.trim());
    } else if (frame && /^[\s~^]+$/.test(line)) {
      continue;
    } else if (line.trim()) {
      frame = null;
      found.push({ kind: ERROR.test(line) ? "error" : "text", text: line });
    }
  }
  return found;
}

// The line that says what happened: the last that begins with a name.
export function conclusion(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim());
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const line = lines[at] ?? "";
    if (!line.startsWith(" ") && ERROR.test(line)) return line;
  }
  return lines.at(-1)?.trim() ?? "";
}
