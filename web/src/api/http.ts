// The server as a source: JSON by fetch, what is live by server-sent events.

import {
  NotFound,
  Refused,
  Unreachable,
  type LineQuery,
  type Source,
  type Stop,
} from "./source";
import type * as t from "./types";

const RECONNECT_MS = 1000;

export class HttpSource implements Source {
  readonly live = true;

  overview = () => get<t.Overview>("overview");
  layout = () => get<t.Layout>("layout");
  tile = (level: number, index: number, signal?: AbortSignal) =>
    get<t.Tile>(`tiles/${level}/${index}`, {}, signal);
  load = (from_ms: number, to_ms: number, columns: number) =>
    get<t.LoadHistory[]>("load", { from_ms, to_ms, columns });
  input = (id: string) => get<t.InputDetail>(`inputs/${encodeURIComponent(id)}`);
  lines = (query: LineQuery, signal?: AbortSignal) =>
    get<t.LinesPage>("lines", { ...query }, signal);
  line = (id: number) => get<t.Line>(`lines/${id}`);
  failures = () => get<t.Failures>("failures");
  containers = () => get<t.ContainersPage>("containers");
  postMortem = (id: string) => get<t.PostMortem>(`containers/${encodeURIComponent(id)}`);

  watchNow(heard: (now: t.Now) => void, lost: (reason: string) => void): Stop {
    return follow("live/now", {}, (data) => heard(data as t.Now), lost);
  }

  watchLines(query: LineQuery, heard: (tail: t.Tail) => void, lost: () => void): Stop {
    return follow("live/lines", { ...query }, (data) => heard(data as t.Tail), lost);
  }
}

async function get<T>(path: string, query: object = {}, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/${path}${search(query)}`, { signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable("The view does not answer; it is tried again.");
  }
  if (response.ok) return (await response.json()) as T;
  const said = await problem(response);
  if (response.status === 404) throw new NotFound(said);
  if (response.status === 503) throw new Unreachable(said);
  throw new Refused(said);
}

async function problem(response: Response): Promise<string> {
  try {
    return ((await response.json()) as t.Problem).problem;
  } catch {
    return `The view answered with status ${response.status}.`;
  }
}

export function search(query: object): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") found.set(name, String(value));
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}

// EventSource gives up for good on an answer that is an error (the agent was just
// stopped, the token is of another one), so we begin anew ourselves.
function follow(
  path: string,
  query: object,
  heard: (data: unknown) => void,
  lost: (reason: string) => void,
): Stop {
  let stream: EventSource | null = null;
  let timer = 0;
  const open = () => {
    stream = new EventSource(`/api/${path}${search(query)}`);
    stream.onmessage = (event: MessageEvent<string>) => heard(JSON.parse(event.data));
    stream.onerror = () => {
      stream?.close();
      lost("The view does not answer; it is tried again.");
      timer = window.setTimeout(open, RECONNECT_MS);
    };
  };
  open();
  return () => {
    window.clearTimeout(timer);
    stream?.close();
  };
}
