// What a log line may hold, made harmless: colours become classes, all that would
// move, hide or reorder text is shown as what it is. The result is text, never HTML.

export interface Piece {
  text: string;
  classes: string;
  // A character that is shown by its name.
  code: boolean;
}

// Source: ECMA-48, 5.4 (CSI) and 8.3 (OSC, DCS, SOS, PM, APC end with ST), and xterm,
// which lets BEL end an OSC. As in telemetry/capture/ansi.py.
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;

// Control characters, separators, bidirectional controls (CVE-2021-42574), tags. As in
// telemetry/capture/terminal.py; tab and line feed are shown as such.
const UNSAFE =
  // eslint-disable-next-line no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e007f}]/gu;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

interface Style {
  colour: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  under: boolean;
  struck: boolean;
}

const PLAIN: Style = {
  colour: "",
  bold: false,
  dim: false,
  italic: false,
  under: false,
  struck: false,
};

export function pieces(text: string): Piece[] {
  if (!text.includes("\x1b")) return safe(text, "");
  const found: Piece[] = [];
  let style = { ...PLAIN };
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    found.push(...safe(text.slice(from, match.index), classes(style)));
    if (match[2] === "m") style = applied(style, match[1] ?? "");
    from = match.index + match[0].length;
  }
  found.push(...safe(text.slice(from), classes(style)));
  return found;
}

export function plainText(text: string): string {
  return text.includes("\x1b") ? text.replace(SEQUENCE, "") : text;
}

function safe(text: string, styled: string): Piece[] {
  if (!text) return [];
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(UNSAFE)) {
    if (match.index > from) {
      found.push({ text: text.slice(from, match.index), classes: styled, code: false });
    }
    const code = match[0].codePointAt(0) ?? 0;
    found.push({ text: codeName(code), classes: styled, code: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), classes: styled, code: false });
  return found;
}

function codeName(code: number): string {
  if (code === 0x1b) return "ESC";
  if (code === 0x0d) return "CR";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function classes(style: Style): string {
  const found: string[] = [];
  if (style.colour) found.push(`ansi-${style.colour}`);
  for (const name of ["bold", "dim", "italic", "under", "struck"] as const) {
    if (style[name]) found.push(`ansi-${name}`);
  }
  return found.join(" ");
}

// Source: ECMA-48, 8.3.117 (SGR), and xterm for 38;5;n, 38;2;r;g;b and 90 to 97.
function applied(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((each) => Number(each) || 0);
  const style = { ...before };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.under = true;
    else if (code === 9) style.struck = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.under = false;
    else if (code === 29) style.struck = false;
    else if (code >= 30 && code <= 37) style.colour = NAMES[code - 30] ?? "";
    else if (code >= 90 && code <= 97) style.colour = NAMES[code - 90] ?? "";
    else if (code === 39) style.colour = "";
    else if (code === 38 || code === 48) {
      const colour = extended(codes.slice(at + 1));
      if (code === 38) style.colour = colour.name;
      at += colour.taken;
    }
  }
  return style;
}

// One of 16,777,216 colours as the nearest of our eight, which can be read in both
// themes.
function extended(codes: number[]): { name: string; taken: number } {
  if (codes[0] === 2) {
    return { name: nearest(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), taken: 4 };
  }
  const n = codes[1] ?? 0;
  if (n < 16) return { name: NAMES[n % 8] ?? "", taken: 2 };
  if (n >= 232) return { name: "", taken: 2 };
  const cube = n - 16;
  const part = (value: number) => (value ? 55 + 40 * value : 0);
  const rgb = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(part);
  return { name: nearest(rgb[0] ?? 0, rgb[1] ?? 0, rgb[2] ?? 0), taken: 2 };
}

function nearest(r: number, g: number, b: number): string {
  const high = Math.max(r, g, b);
  if (high - Math.min(r, g, b) < 32) return "";
  const on = (value: number) => (value > high * 0.6 ? 1 : 0);
  return NAMES[on(r) + 2 * on(g) + 4 * on(b)] ?? "";
}
