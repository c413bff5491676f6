// Something that is fetched, again when asked to, and shown meanwhile as it was.

import { NotFound, type Stop } from "./api/source";
import { messageOf } from "./state.svelte";

export class Resource<T> {
  value = $state.raw<T | null>(null);
  problem = $state("");
  gone = $state(false);
  loading = $state(false);
  private turn = 0;

  async load(fetch: () => Promise<T>): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    try {
      const value = await fetch();
      if (turn !== this.turn) return;
      this.value = value;
      this.problem = "";
      this.gone = false;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = messageOf(error);
      this.gone = error instanceof NotFound;
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }

  reset(): void {
    this.turn += 1;
    this.value = null;
    this.problem = "";
    this.gone = false;
  }
}

// Calls now and then while the page is looked at: never two at once.
export function repeating(everyMs: number, call: () => Promise<void>): Stop {
  let timer = 0;
  let stopped = false;
  const next = async () => {
    if (!document.hidden) await call();
    if (!stopped) timer = window.setTimeout(next, everyMs);
  };
  void next();
  return () => {
    stopped = true;
    window.clearTimeout(timer);
  };
}
