// The events of a run as a table with pages of any size. Neighbouring lines may be folded into one row.
import { useMemo } from "preact/hooks";
import { getBackend } from "../data/app_state";
import { formatCount, decodeText, decodeLine, escapeLine } from "../data/format";
import { highlight } from "../parts/highlight";
import { Report } from "../data/report";
import { route, makeRunAddress } from "../data/route";
import { useLines, type RunData } from "../data/run_data";
import type { EventObject, Value } from "../data/types";
import { useList } from "../data/use_list";
import { Pager, SourceLink, PositionLink, setQuery, ThreadChoice, Trouble } from "../parts/view_parts";
import { classifyValue, formatValue } from "../parts/value_text";

const SIZES = [25, 50, 100, 250, 500, 1000];

interface Row {
  events: EventObject[];
  changed: Map<string, Value>;
}

export function EventsView({ data }: { data: RunData }) {
  const query = route.value.query;
  const id = data.run.id;
  const thread = Number(query.get("thread")) || 0;
  const size = Math.min(Math.max(Number(query.get("size")) || 100, 1), 10_000);
  const fold = query.get("fold") !== "no";
  const page = Math.max(1, Number(query.get("page")) || 1);
  const first = (page - 1) * size + 1;
  const from = getBackend();
  const report = from instanceof Report ? from : null;
  const one = data.threads.find((each) => each.thread === thread);
  const total = report
    ? report.countEvents(thread)
    : thread
      ? one
        ? one.events + one.lost
        : 0
      : data.run.events + data.run.lost;
  // One thread is read by seq. All threads together, and a report that has gaps, are read by order.
  const selection =
    thread && !report
      ? { thread, from: first, to: first + size - 1 }
      : { thread: thread || undefined, skip: first - 1 };
  const { items, end, error } = useList<EventObject>(
    `${id}/${thread}/${first}/${size}`,
    "replay",
    { run: id, ...selection, limit: size, source: true },
    data.run.state === "running" ? data.run.events : "ended",
  );
  const rows = useMemo(() => foldRows(items, fold), [items, fold]);
  const pages = Math.max(1, Math.ceil(total / size));
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Events</h2>
        <ThreadChoice data={data} />
        <label class="choice">
          Page size{" "}
          <select value={size} onChange={(event) => setQuery({ size: event.currentTarget.value, page: "" })}>
            {[...new Set([...SIZES, size])]
              .sort((a, b) => a - b)
              .map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
          </select>
        </label>
        <label class="choice">
          <input type="checkbox" checked={fold} onChange={() => setQuery({ fold: fold ? "no" : "" })} /> fold lines
        </label>
        <span class="grow" />
        <Pager page={page} pages={pages} />
      </div>
      <Trouble error={error} />
      <div class="table-box" tabIndex={0} role="region" aria-label="Events">
        <table class="table events">
          <thead>
            <tr>
              <th scope="col">Position</th>
              <th scope="col">Where</th>
              <th scope="col">Thread</th>
              <th scope="col">Event</th>
              <th scope="col">Statement</th>
              <th scope="col">Data</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <EventRow key={`${row.events[0].thread}:${row.events[0].seq}`} run={id} row={row} data={data} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && !error && (
          <p class="quiet pad">
            {!end ? "Loading …" : total > 0 ? "The events of this page were lost." : "No events."}
          </p>
        )}
      </div>
    </main>
  );
}

// Folds line events of one frame that follow each other into one row.
function foldRows(events: EventObject[], fold: boolean): Row[] {
  const rows: Row[] = [];
  for (const event of events) {
    const row = rows[rows.length - 1];
    const before = row?.events[row.events.length - 1];
    const joins =
      fold &&
      before &&
      event.event === "line" &&
      before.event === "line" &&
      event.frame === before.frame &&
      event.thread === before.thread &&
      event.line! > before.line! &&
      event.line! - before.line! < 8;
    if (joins) row.events.push(event);
    else rows.push({ events: [event], changed: new Map() });
    const into = rows[rows.length - 1];
    for (const [name, value] of Object.entries(event.changed ?? {})) into.changed.set(name, value);
  }
  return rows;
}

function EventRow({ run, row, data }: { run: string; row: Row; data: RunData }) {
  const event = row.events[0],
    last = row.events[row.events.length - 1];
  const thread = data.threads.find((one) => one.thread === event.thread);
  return (
    <tr class={`ev-${event.event}`}>
      <td>
        <PositionLink run={run} at={`${event.thread}:${event.seq}`} />
      </td>
      <td class="nowrap">
        <SourceLink run={run} file={event.file} line={event.line} source={event.source} />
        {last.line !== event.line && <span class="mono quiet">–{last.line}</span>}
        <div class="quiet fn">
          <bdi>{decodeLine(event.function)}</bdi>
        </div>
      </td>
      <td class="nowrap">
        <span class={`lane-dot lane-${event.thread % 6}`} aria-hidden="true" /> <bdi>{decodeLine(thread?.name)}</bdi>
      </td>
      <td>
        <span class={`event-kind e-${event.event}`}>{event.event}</span>
      </td>
      <td class="statement">
        {event.text !== undefined && (
          <a href={makeRunAddress(run, "", `${event.thread}:${event.seq}`)}>
            <CommentAbove run={run} source={event.source} line={event.line} />
            {row.events.map((one) => (
              <Statement key={one.seq} text={decodeText(one.text)} />
            ))}
          </a>
        )}
      </td>
      <td class="data">
        {event.event === "lost" && <span class="lost">{formatCount(event.count ?? 0)} events lost</span>}
        {event.exception && (
          <div class="raised-text">
            <bdi>
              {decodeLine(event.exception.type)}
              {decodeText(event.exception.message) ? `: ${decodeLine(event.exception.message)}` : ""}
            </bdi>
          </div>
        )}
        {event.value !== undefined && (
          <div>
            → <bdi class={`v-${classifyValue(event.value)}`}>{formatValue(event.value, 120)}</bdi>
          </div>
        )}
        {[...row.changed].slice(0, 12).map(([name, value]) => (
          <div key={name}>
            <b class="mono">
              <bdi>{escapeLine(name)}</bdi>
            </b>{" "}
            = <bdi class={`mono v-${classifyValue(value)}`}>{formatValue(value, 100)}</bdi>
          </div>
        ))}
        {row.changed.size > 12 && <div class="quiet">and {row.changed.size - 12} more</div>}
      </td>
    </tr>
  );
}

const COMMENT_LINES = 6;

// Shows the comment lines directly above a statement.
function CommentAbove({ run, source, line }: { run: string; source?: number; line?: number }) {
  const lines = useLines(run, source);
  if (!lines || !line) return null;
  let first = line - 1;
  while (first > 0 && line - first <= COMMENT_LINES && /^\s*#(?!!)/.test(lines[first - 1])) first--;
  return (
    <>
      {lines.slice(first, line - 1).map((text, at) => (
        <code key={at} class="line t-c">
          {escapeLine(text.slice(0, 400))}
        </code>
      ))}
    </>
  );
}

export function Statement({ text }: { text: string }) {
  const lines = useMemo(() => [text.trimEnd().slice(0, 400)], [text]);
  return (
    <code class="line">
      {highlight(lines)[0]?.map((piece, at) => (
        <span key={at} class={piece.style}>
          {escapeLine(piece.text)}
        </span>
      ))}
    </code>
  );
}
