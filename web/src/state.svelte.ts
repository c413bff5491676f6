// What all pages share: where data comes from, whether it still comes, and the theme.

import type { Now, Overview } from "./api/types";
import type { Source, Stop } from "./api/source";
import { parseRoute, type Route } from "./routing";

export interface Notice {
  kind: "info" | "problem";
  text: string;
}

const HISTORY_MS = 10 * 60_000;
const NOTICE_MS = 12_000;
const OVERVIEW_MS = 8_000;

class Shared {
  source = $state.raw<Source>() as Source;
  route = $state.raw<Route>(parseRoute(""));
  overview = $state.raw<Overview | null>(null);
  now = $state.raw<Now | null>(null);
  // The last minutes as they were seen from here, for the charts of Now.
  seen: Now[] = [];
  connected = $state(true);
  // Rises when what pages hold may be another store's: they ask anew.
  generation = $state(0);
  notice = $state.raw<Notice | null>(null);
  failed = $state("");
  private store = "";
  private agentAlive: boolean | null = null;
  private noticeTimer = 0;
  private refreshedMs = 0;
  private refreshedChanges = -1;

  start(source: Source): Stop {
    this.source = source;
    void this.refresh();
    if (!source.live) return () => undefined;
    return source.watchNow(
      (now) => this.hear(now),
      () => (this.connected = false),
    );
  }

  async refresh(): Promise<void> {
    this.refreshedMs = Date.now();
    this.refreshedChanges = this.now?.changes ?? -1;
    try {
      this.overview = await this.source.overview();
      this.failed = "";
    } catch (error) {
      this.failed = messageOf(error);
    }
  }

  say(text: string, kind: Notice["kind"] = "info"): void {
    this.notice = { kind, text };
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => (this.notice = null), NOTICE_MS);
  }

  private hear(now: Now): void {
    if (!this.connected) {
      this.connected = true;
      this.say("The view answers again; everything here is up to date.");
      this.generation += 1;
      void this.refresh();
    }
    if (this.store && now.store !== this.store) {
      this.say("The store was replaced; this shows the new one.");
      this.seen = [];
      this.generation += 1;
      void this.refresh();
    }
    if (this.agentAlive !== null && this.agentAlive !== now.agent.alive) {
      this.say(
        now.agent.alive
          ? "An agent runs again: what comes in is shown."
          : "The agent has ended: what it had stored stays here to look at.",
      );
    }
    this.store = now.store;
    this.agentAlive = now.agent.alive;
    this.now = now;
    this.seen.push(now);
    const stale = Date.now() - this.refreshedMs > OVERVIEW_MS;
    if (stale && now.changes !== this.refreshedChanges && !document.hidden) void this.refresh();
    while (this.seen.length && (this.seen[0]?.now_ms ?? 0) < now.now_ms - HISTORY_MS)
      this.seen.shift();
  }
}

export const shared = new Shared();

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function followHash(): Stop {
  const read = () => (shared.route = parseRoute(location.hash));
  read();
  window.addEventListener("hashchange", read);
  return () => window.removeEventListener("hashchange", read);
}
