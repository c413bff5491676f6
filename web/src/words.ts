// What the names of the toolkit mean, in the words of a person. Pure.

import { count, plural, seconds } from "./format";
import type { FunctionNow, Moment } from "./api/types";

export const OUTCOMES = ["success", "error", "cancelled", "timeout", "lost"] as const;
export const ZONES = ["idle", "normal", "burst", "saturated"] as const;
export const LEVELS = ["debug", "info", "warning", "error", "critical"] as const;

const ENDINGS: Record<string, string> = {
  success: "succeeded",
  error: "failed",
  cancelled: "cancelled",
  timeout: "timed out",
  lost: "lost",
  retry: "failed, to be retried",
  neighbour: "interrupted: its container had to go",
  died: "interrupted: its container died",
};

export function endingText(ending: string | null): string {
  return ending === null ? "running" : (ENDINGS[ending] ?? ending);
}

const WAITS: Record<string, string> = {
  none: "no wait",
  cold_start: "waited for a container to start",
  capacity: "waited for a free slot",
  retry: "waited for its retry",
};

export function waitText(reason: string | null): string {
  return reason === null ? "" : (WAITS[reason] ?? reason);
}

export function zoneText(
  zone: string,
  running: number,
  target: number | null,
  limit: number | null,
) {
  if (zone === "idle") return "idle";
  if (zone === "normal") return target === null ? "running" : `within its target of ${target}`;
  if (zone === "burst")
    return `above its target of ${target ?? "?"}, below its limit of ${limit ?? "?"}`;
  return `full: ${running} of ${limit ?? running}`;
}

const EXITS: Record<string, string> = {
  scaledown: "scaled down",
  cancellation: "ended by a cancellation",
  timeout: "ended by a timeout",
  crash: "crashed",
  shutdown: "shut down",
  start_failed: "could not start",
};

const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
};

export function exitText(reason: string | null, status: number | null): string {
  const said = reason === null ? "" : (EXITS[reason] ?? reason);
  if (status === null || status === 0) return said;
  if (status < 0) return `${said} (${SIGNALS[-status] ?? `signal ${-status}`})`;
  return `${said} (status ${status})`;
}

const DECISIONS: Record<string, string> = {
  demand: "more was asked for than the containers are meant to run",
  from_zero: "an input arrived, and there was no container",
  scaledown: "less was needed for the whole scale-down window",
  hold_window: "less is needed, but not for long enough yet",
  max_containers: "more would be needed, but no more may start",
  min_containers: "the minimum is kept",
  buffer: "spare containers are kept ready",
  steady: "enough",
};

export function decisionText(reason: string | null): string {
  return reason === null ? "" : (DECISIONS[reason] ?? reason);
}

const CAUSES: Record<string, string> = {
  user: "somebody cancelled it",
  timeout: "it took longer than its timeout",
  shutdown: "the app was stopped",
  neighbour: "its container had to go",
};

export const causeText = (cause: string): string => CAUSES[cause] ?? cause;

const MECHANISMS: Record<string, string> = {
  task: "its task was cancelled",
  exception: "an exception was raised in its thread",
  container: "its whole container was ended",
};

export function mechanismText(mechanism: string | null, phase: string | null): string {
  if (mechanism === null) return phase === "queued" ? "taken out of the queue" : "";
  return MECHANISMS[mechanism] ?? mechanism;
}

const OBSERVED: Record<string, string> = {
  unwound: "it unwound",
  swallowed: "it went on and returned a result",
  raised: "it raised another exception",
  never_started: "it had not started",
  stuck: "it did not react",
  died: "it died with its container",
};

export const observedText = (observed: string | null): string =>
  observed === null ? "" : (OBSERVED[observed] ?? observed);

// One sentence that says how a function is doing.
export function nowSentence(now: FunctionNow): string {
  const ready = (now.states["ready"] ?? 0) + (now.states["draining"] ?? 0);
  const starting = now.states["starting"] ?? 0;
  const help = starting
    ? `; ${plural(starting, "more container is", "more containers are")} starting`
    : "";
  const waits = now.queued
    ? ` ${count(now.queued)} ${now.queued === 1 ? "waits" : "wait"}.`
    : "";
  if (!now.running) {
    if (now.queued)
      return `Nothing runs;${waits}${help && ` ${plural(starting, "container is", "containers are")} starting.`}`;
    return starting
      ? `Nothing runs; ${plural(starting, "container is", "containers are")} starting.`
      : "Nothing runs.";
  }
  const where = `${plural(now.running, "input runs", "inputs run")} in ${plural(ready, "container")}`;
  return `${where}${levelText(now)}${help}.${waits}`;
}

function levelText(now: FunctionNow): string {
  const full = now.zones["saturated"] ?? 0;
  const above = now.zones["burst"] ?? 0;
  if (full) return full === 1 ? ", one of them full" : `, ${full} of them full`;
  if (above)
    return above === 1 ? ", one of them above target" : `, ${above} of them above target`;
  return "";
}

// What a moment is called in lists; the details follow it.
export function momentTitle(moment: Moment): string {
  switch (moment.kind) {
    case "burst":
      return `Burst: up to ${moment.peak ?? "?"} inputs in a container`;
    case "cold_start":
      return `Cold start of ${seconds(moment.seconds)}`;
    case "cancellation":
      return "Input cancelled";
    case "timeout":
      return "Input timed out";
    case "crash":
      return "Container died";
    case "start_failed":
      return "Container could not start";
    case "blocked":
      return `Event loop blocked for ${seconds(moment.seconds)}`;
    case "error":
      return "Input failed";
    case "lost":
      return "Input lost";
    default:
      return moment.kind;
  }
}

export function momentReason(moment: Moment): string {
  if (moment.kind === "burst") {
    return moment.reason === "max_containers"
      ? "no more containers may start"
      : "until another container is ready";
  }
  return moment.detail ?? "";
}
