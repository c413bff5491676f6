// Light or dark: as the system has it, until somebody chooses.

export type Theme = "light" | "dark";

const KEY = "telemetry.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

class Chosen {
  current = $state<Theme>("light");

  constructor() {
    this.apply();
    system.addEventListener("change", () => this.apply());
  }

  toggle(): void {
    const next = this.current === "dark" ? "light" : "dark";
    // Back to what the system says is no choice any more: it may follow again.
    remember(next === (system.matches ? "dark" : "light") ? null : next);
    this.apply();
  }

  private apply(): void {
    this.current = remembered() ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset["theme"] = this.current;
  }
}

// A file on disk, or a browser that was told so, may keep nothing for us.
function remembered(): Theme | null {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : null;
  } catch {
    return null;
  }
}

function remember(theme: Theme | null): void {
  try {
    if (theme === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    return;
  }
}

export const theme = new Chosen();
