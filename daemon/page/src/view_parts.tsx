// Small parts that several views of a run share.
import { baseName, plainText, shown } from "./format";
import { go, route, runAddress } from "./route";
import type { RunData } from "./run_data";
import type { Text } from "./types";

// Changes one word of the address's query and keeps the rest.
export function setQuery(changes: Record<string, string>, replace = true) {
  const at = route.value;
  const query = Object.fromEntries(at.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") delete query[key];
    else query[key] = value;
  }
  go(runAddress(at.run, at.view, at.rest, query), replace);
}

export function ThreadChoice({ data, all = "all threads" }: { data: RunData; all?: string }) {
  const chosen = route.value.query.get("thread") ?? "";
  return (
    <label class="choice">Thread{" "}
      <select value={chosen} onChange={(event) => setQuery({ thread: event.currentTarget.value, page: "", from: "" })}>
        <option value="">{all}</option>
        {data.threads.map((thread) => <option key={thread.thread} value={thread.thread}>{shown(thread.name)} ({thread.thread})</option>)}
      </select>
    </label>
  );
}

export function Place({ run, file, line, source }: { run: string; file: Text | null | undefined; line?: number | null; source?: number | null }) {
  const text = `${baseName(shown(file))}${line ? `:${line}` : ""}`;
  if (!file) return <span class="quiet">–</span>;
  return source
    ? <a class="mono" href={runAddress(run, "files", plainText(file), line ? { line: String(line) } : {})} title={shown(file)}><bdi>{text}</bdi></a>
    : <span class="mono" title={shown(file)}><bdi>{text}</bdi></span>;
}

export const Position = ({ run, at }: { run: string; at: string }) =>
  <a class="mono position" href={runAddress(run, "", at)}>{at}</a>;

export function Trouble({ error }: { error: string }) {
  return error ? <p class="trouble" role="alert"><bdi>{error}</bdi></p> : null;
}
