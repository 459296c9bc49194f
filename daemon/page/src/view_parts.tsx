// Small parts that several views of a run share.
import { baseName, duration, plainText, shown } from "./format";
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

// A stretch of time named by the address (from and to, ns since the run's start), as fields of a request.
export function spanFields(data: RunData): { from_ns?: bigint; to_ns?: bigint } {
  const { query } = route.value;
  const from = query.get("from") ?? "", to = query.get("to") ?? "";
  if (!/^\d{1,18}$/.test(from) || !/^\d{1,18}$/.test(to)) return {};
  const start = BigInt(data.run.start_ns);
  return { from_ns: start + BigInt(from), to_ns: start + BigInt(to) };
}
export function SpanChip() {
  const { query } = route.value;
  const from = Number(query.get("from")), to = Number(query.get("to"));
  if (!(to > from)) return null;
  return (
    <span class="tag span-chip">{duration(from)} to {duration(to)} after start{" "}
      <button aria-label="The whole time" title="The whole time" onClick={() => setQuery({ from: "", to: "" })}>×</button></span>
  );
}

export function ThreadChoice({ data, all = "all threads" }: { data: RunData; all?: string }) {
  const chosen = route.value.query.get("thread") ?? "";
  return (
    <label class="choice">Thread{" "}
      <select value={chosen} onChange={(event) => setQuery({ thread: event.currentTarget.value, page: "" })}>
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
