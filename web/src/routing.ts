// Addresses within the page. Behind the '#', so that a report on disk has them too.

export type Page = "now" | "timeline" | "input" | "logs" | "failures" | "containers";

export interface Route {
  page: Page;
  id: string;
  query: Record<string, string>;
}

const PAGES: readonly string[] = ["now", "timeline", "input", "logs", "failures", "containers"];

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/");
  const query = Object.fromEntries(new URLSearchParams(search));
  if (!PAGES.includes(page)) return { page: "now", id: "", query: {} };
  return { page: page as Page, id: decoded(rest.join("/")), query };
}

export function address(
  page: Page,
  id = "",
  query: Record<string, string | number> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== "") search.set(name, String(value));
  }
  const tail = search.size ? `?${search}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${tail}`;
}

export function go(page: Page, id = "", query: Record<string, string | number> = {}): void {
  location.hash = address(page, id, query);
}

// The query alone changes, as the user looks around: no new entry in the history.
export function replaceQuery(
  page: Page,
  id: string,
  query: Record<string, string | number>,
): void {
  history.replaceState(null, "", address(page, id, query));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
