// Numbers, lengths and times as people read them. Pure.

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const s = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (s < 1e-6) return "0 s";
  if (s < 0.001) return `${sign}${digits(s * 1e6)} µs`;
  if (s < 0.9995) return `${sign}${digits(s * 1e3)} ms`;
  if (s < 59.95) return `${sign}${digits(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 48 * 60) return `${sign}${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  return `${sign}${digits(s / 86400)} d`;
}

// Three digits that mean something.
function digits(value: number): string {
  if (value >= 99.5) return String(Math.round(value));
  if (value >= 9.95) return value.toFixed(1).replace(/\.0$/, "");
  return value.toFixed(2).replace(/\.?0+$/, "") || "0";
}

// How long something has run: whole seconds once there are some, as it counts up.
export function elapsed(ms: number): string {
  const s = Math.max(ms, 0) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  return s < 60 ? `${Math.floor(s)} s` : seconds(Math.floor(s));
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-US");
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let scaled = value / 1000;
  let at = 0;
  while (scaled >= 999.5 && at < units.length - 1) {
    scaled /= 1000;
    at += 1;
  }
  return `${digits(scaled)} ${units[at]}`;
}

export function shortId(id: string): string {
  return id.length > 12 ? id.slice(-6) : id;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

function pad(n: number, width = 2): string {
  return String(n).padStart(width, "0");
}

export function clock(ms: number, decimals = 3): string {
  // In whole units of the last digit: as a fraction of seconds, 0.1 may be 0.0999.
  const units = Math.floor((ms + 0.0005) * 10 ** (decimals - 3));
  const second = Math.floor(units / 10 ** decimals);
  const at = new Date(second * 1000);
  const base = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return decimals ? `${base}.${pad(units - second * 10 ** decimals, decimals)}` : base;
}

export function day(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

export function ago(ms: number, now: number): string {
  const s = Math.max(0, (now - ms) / 1000);
  if (s < 2) return "just now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

// Ticks of a time axis: round steps, at most one per `pixels`.
const STEPS_MS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3,
  120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 10800e3, 21600e3, 43200e3, 86400e3,
];

export function tickStep(windowMs: number, width: number, pixels = 90): number {
  const least = (windowMs / Math.max(width, 1)) * pixels;
  return STEPS_MS.find((step) => step >= least) ?? 86400e3 * Math.ceil(least / 86400e3);
}

export function tickLabel(ms: number, step: number): string {
  if (step >= 86400e3) return day(ms);
  if (step >= 60e3) return clock(ms, 0).slice(0, 5);
  if (step >= 1000) return clock(ms, 0);
  return clock(ms, step >= 100 ? 1 : step >= 10 ? 2 : step >= 1 ? 3 : 4);
}

// Local time zone midnight is a multiple of a day only in UTC: ticks follow local time.
export function firstTick(from: number, step: number): number {
  const shift = step >= 3600e3 ? new Date(from).getTimezoneOffset() * 60e3 : 0;
  return Math.ceil((from - shift) / step) * step + shift;
}
