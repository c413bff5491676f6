// Where the pages get their data: from the server, or from a report's own file.

import type {
  ContainersPage,
  Failures,
  InputDetail,
  Layout,
  Line,
  LinesPage,
  LoadHistory,
  Now,
  Overview,
  PostMortem,
  Tail,
  Tile,
} from "./types";

export interface LineQuery {
  text?: string;
  input?: string;
  function?: string;
  level?: string;
  stream?: string;
  origin?: string;
  around_ms?: number;
  older?: string;
  newer?: string;
  after?: number;
  limit?: number;
}

export type Stop = () => void;

export interface Source {
  // False in a report: nothing changes any more.
  readonly live: boolean;
  overview(): Promise<Overview>;
  layout(): Promise<Layout>;
  tile(level: number, index: number, signal?: AbortSignal): Promise<Tile>;
  load(from_ms: number, to_ms: number, columns: number): Promise<LoadHistory[]>;
  input(id: string): Promise<InputDetail>;
  lines(query: LineQuery, signal?: AbortSignal): Promise<LinesPage>;
  line(id: number): Promise<Line>;
  failures(): Promise<Failures>;
  containers(): Promise<ContainersPage>;
  postMortem(containerId: string): Promise<PostMortem>;
  watchNow(heard: (now: Now) => void, lost: (reason: string) => void): Stop;
  watchLines(query: LineQuery, heard: (tail: Tail) => void, lost: () => void): Stop;
}

export class NotFound extends Error {}
export class Refused extends Error {}
export class Unreachable extends Error {}
