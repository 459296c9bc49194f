// The address. Every moment and view has one (#/run/ID/1:17), so back, forward, bookmarks and shared links work.
import { signal } from "@preact/signals";

export interface Route {
  page: string; // "runs", "run" or "compare"
  run: string;
  view: string; // within a run: "moment", "events", …
  rest: string; // the part after the view: a position or a file
  query: URLSearchParams;
}

export const VIEWS = [
  "moment",
  "events",
  "search",
  "files",
  "threads",
  "exceptions",
  "statistics",
  "calls",
  "flame",
] as const;
const POSITION = /^(\d+:\d+|start|end|exception)$/; // places that the moment view accepts as an address

function parseRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const [path, query = ""] = text.split("?", 2);
  const parts = path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const route: Route = { page: parts[0] || "runs", run: "", view: "", rest: "", query: new URLSearchParams(query) };
  if (route.page === "run") {
    route.run = parts[1] ?? "";
    const view = parts[2] ?? "";
    if (view === "" || POSITION.test(view)) {
      route.view = "moment";
      route.rest = view;
    } else {
      route.view = view;
      route.rest = parts.slice(3).join("/");
    }
  } else if (route.page === "compare") {
    route.run = parts[1] ?? "";
    route.rest = parts[2] ?? "";
  }
  return route;
}

export const route = signal<Route>(parseRoute(location.hash));
addEventListener("hashchange", () => (route.value = parseRoute(location.hash)));

export function go(address: string, replace = false) {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  route.value = parseRoute(location.hash);
}
addEventListener("popstate", () => (route.value = parseRoute(location.hash)));

const enc = encodeURIComponent;
export const makeRunAddress = (run: string, view = "", rest = "", query: Record<string, string> = {}) => {
  const tail = view === "" || view === "moment" ? (rest ? `/${rest}` : "") : `/${view}${rest ? `/${enc(rest)}` : ""}`;
  const search = new URLSearchParams(query).toString();
  return `#/run/${enc(run)}${tail}${search ? `?${search}` : ""}`;
};
