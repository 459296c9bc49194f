// Small parts that several views of a run share.
import { baseName, formatCount, formatDuration, decodeText, decodeLine, measureNs } from "../data/format";
import { getBackend } from "../data/app_state";
import { Report } from "../data/report";
import { go, route, makeRunAddress } from "../data/route";
import type { RunData } from "../data/run_data";
import type { Text } from "../data/types";

// Changes parameters of the address's query and keeps the others; an empty value removes one.
export function setQuery(changes: Record<string, string>, replace = true) {
  const at = route.value;
  const query = Object.fromEntries(at.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") delete query[key];
    else query[key] = value;
  }
  go(makeRunAddress(at.run, at.view, at.rest, query), replace);
}

// The time range of the address (from and to, ns since the run's start) as fields of a request; {}: the whole run.
export function makeSpanFields(data: RunData): { from_ns?: bigint; to_ns?: bigint } {
  const { query } = route.value;
  const from = query.get("from") ?? "",
    to = query.get("to") ?? "";
  if (!/^\d{1,18}$/.test(from) || !/^\d{1,18}$/.test(to)) return {};
  const start = BigInt(data.run.start_ns);
  return { from_ns: start + BigInt(from), to_ns: start + BigInt(to) };
}
export function SpanChip() {
  const { query } = route.value;
  const from = Number(query.get("from")),
    to = Number(query.get("to"));
  if (!(to > from)) return null;
  return (
    <span class="tag span-chip">
      {formatDuration(from)} to {formatDuration(to)} after start{" "}
      <button
        aria-label="Show the whole run"
        title="Show the whole run"
        onClick={() => setQuery({ from: "", to: "" })}
      >
        ×
      </button>
    </span>
  );
}

export function ThreadChoice({ data, all = "all threads" }: { data: RunData; all?: string }) {
  const chosen = route.value.query.get("thread") ?? "";
  return (
    <label class="choice">
      Thread{" "}
      <select value={chosen} onChange={(event) => setQuery({ thread: event.currentTarget.value, page: "" })}>
        <option value="">{all}</option>
        {data.threads.map((thread) => (
          <option key={thread.thread} value={thread.thread}>
            {decodeLine(thread.name)} ({thread.thread})
          </option>
        ))}
      </select>
    </label>
  );
}

export function SourceLink({
  run,
  file,
  line,
  source,
}: {
  run: string;
  file: Text | null | undefined;
  line?: number | null;
  source?: number | null;
}) {
  const text = `${baseName(decodeLine(file))}${line ? `:${line}` : ""}`;
  if (!file) return <span class="quiet">–</span>;
  return source ? (
    <a
      class="mono"
      href={makeRunAddress(run, "files", decodeText(file), line ? { line: String(line) } : {})}
      title={decodeLine(file)}
    >
      <bdi>{text}</bdi>
    </a>
  ) : (
    <span class="mono" title={decodeLine(file)}>
      <bdi>{text}</bdi>
    </span>
  );
}

export const PositionLink = ({ run, at }: { run: string; at: string }) => (
  <a class="mono position" href={makeRunAddress(run, "", at)}>
    {at}
  </a>
);

export function Trouble({ error }: { error: string }) {
  return error ? (
    <p class="trouble" role="alert">
      <bdi>{error}</bdi>
    </p>
  ) : null;
}

// The pages of a table; the address's query has the number of the current one.
export function Pager({ page, pages }: { page: number; pages: number }) {
  const to = (number: number) => setQuery({ page: number <= 1 ? "" : String(number) }, false);
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={page <= 1} onClick={() => to(1)} aria-label="First page">
        «
      </button>
      <button type="button" disabled={page <= 1} onClick={() => to(page - 1)}>
        Earlier
      </button>
      <span>
        page{" "}
        <input
          type="text"
          inputMode="numeric"
          aria-label="Page"
          value={page}
          size={Math.max(3, String(pages).length)}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              event.preventDefault();
              event.currentTarget.blur();
            }
          }}
          onChange={(event) => to(Math.min(pages, Math.max(1, Number(event.currentTarget.value) || 1)))}
        />{" "}
        of {formatCount(pages)}
      </span>
      <button type="button" disabled={page >= pages} onClick={() => to(page + 1)}>
        Later
      </button>
      <button type="button" disabled={page >= pages} onClick={() => to(pages)} aria-label="Last page">
        »
      </button>
    </nav>
  );
}

// In a report of a part: says what the numbers of this view cover. Numbers of calls cover the time range of the part.
export function PartNote({ data, calls = false }: { data: RunData; calls?: boolean }) {
  const from = getBackend();
  const report = from instanceof Report ? from.data : null;
  if (!report?.part) return null;
  const of = report.thread ? `thread ${report.thread}` : "the whole run";
  const when = (time: string) => formatDuration(measureNs(data.run.start_ns, time));
  const what =
    calls && report.time
      ? `${report.thread ? of : "all threads"} from ${when(report.time.from_ns)} to ${when(report.time.to_ns)} after start`
      : of;
  return (
    <p class="part-note" role="note">
      This report holds a part of the run (<bdi>{report.part}</bdi>). The numbers here cover {what}.
    </p>
  );
}
