// Compares two runs side by side: their differences one by one, and the times of their functions.
import { useEffect, useMemo, useState } from "preact/hooks";
import {
  formatCount,
  formatCommand,
  formatDuration,
  decodeText,
  formatPlural,
  decodeLine,
  escapeLine,
} from "../data/format";
import { Statement } from "./events";
import { isTyping } from "../parts/keys";
import { go, route, makeRunAddress } from "../data/route";
import { useLines, useRun, type RunData } from "../data/run_data";
import { Head } from "../parts/shell";
import { SourceView } from "../parts/source_view";
import type { Text, Value } from "../data/types";
import { useList } from "../data/use_list";
import { SourceLink, Trouble } from "../parts/view_parts";
import { classifyValue, formatValue } from "../parts/value_text";

interface Spot {
  position: string;
  time_ns: string;
  event: string | null;
  file: Text | null;
  line: number;
  function: Text | null;
  text: Text;
  exception?: { type: Text; message: Text };
  stack: { file: Text | null; line: number; function: Text }[];
}
interface Difference {
  kind: string;
  first: boolean;
  count: number;
  events: number;
  a: Spot | null;
  b: Spot | null;
  names: { name: Text; a?: Value; b?: Value; a_text?: string; b_text?: string }[];
}
interface Timing {
  file: Text | null;
  line: number | null;
  function: Text;
  source: number | null;
  delta_ns: number;
  noise_ns: number | null;
  certain: boolean;
  a: { calls: number; own_ns: number; cumulative_ns: number } | null;
  b: { calls: number; own_ns: number; cumulative_ns: number } | null;
}
const KINDS: Record<string, string> = {
  exception: "different exception",
  calls: "different calls",
  flow: "different branch",
  value: "different value",
  thread: "thread in one run only",
};

export function ComparePage() {
  const { run: a, rest: b, query } = route.value;
  const left = useRun(a),
    right = useRun(b);
  const timing = query.get("by") === "time";
  return (
    <div class="page">
      <Head>
        <div class="run-title">
          <h1>Compare</h1>
        </div>
      </Head>
      <main class="view compare">
        <div class="view-bar">
          <RunName data={left.data} id={a} sign="A" />
          <RunName data={right.data} id={b} sign="B" />
          <div class="chips" role="group" aria-label="What is compared">
            <button aria-pressed={!timing} onClick={() => go(`#/compare/${a}/${b}`, true)}>
              what happened
            </button>
            <button aria-pressed={timing} onClick={() => go(`#/compare/${a}/${b}?by=time`, true)}>
              how long it took
            </button>
          </div>
          <button onClick={() => go(`#/compare/${b}/${a}${timing ? "?by=time" : ""}`)}>Swap</button>
        </div>
        <Trouble error={left.error || right.error} />
        {timing ? <Timings a={a} b={b} /> : left.data && right.data && <Differences a={left.data} b={right.data} />}
      </main>
    </div>
  );
}

const RunName = ({ data, id, sign }: { data: RunData | null; id: string; sign: string }) => (
  <a class="compare-name" href={makeRunAddress(id)}>
    <b class="tag">{sign}</b>
    <span class="mono">
      <bdi>{data ? formatCommand(data.run) : id}</bdi>
    </span>{" "}
    <span class="quiet">{id}</span>
  </a>
);

function Differences({ a, b }: { a: RunData; b: RunData }) {
  const { items, end, error } = useList<Difference>(`${a.run.id}/${b.run.id}`, "diff", {
    run: a.run.id,
    other: b.run.id,
  });
  const asked = Number(route.value.query.get("at")) || 0;
  const first = Math.max(
    0,
    items.findIndex((one) => one.first),
  );
  const at = Math.min(Math.max(0, asked ? asked - 1 : first), Math.max(0, items.length - 1));
  const chosen = items[at];
  const choose = (index: number) => go(`#/compare/${a.run.id}/${b.run.id}?at=${index + 1}`, true);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      if (event.key === "n" && at < items.length - 1) choose(at + 1);
      if (event.key === "N" && at > 0) choose(at - 1);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  return (
    <>
      <Trouble error={error} />
      {!end && !error && <p class="quiet">comparing …</p>}
      {end && items.length === 0 && (
        <p class="pad">
          <b>No differences.</b> Both runs took the same path, with the same values.
        </p>
      )}
      {chosen && (
        <>
          <div class="view-bar">
            <span role="status">
              {end ? `${formatPlural(items.length, "difference")}; ` : ""}number {at + 1}:{" "}
              <b>{KINDS[chosen.kind] ?? chosen.kind}</b>
              {chosen.first ? ", the first in time" : ""}
              {chosen.count > 1 ? `, ${formatCount(chosen.count)} times` : ""}
            </span>
            <button disabled={at === 0} title="N" onClick={() => choose(at - 1)}>
              Previous
            </button>
            <button disabled={at >= items.length - 1} title="n" onClick={() => choose(at + 1)}>
              Next
            </button>
          </div>
          <div class="sides">
            <Side spot={chosen.a} data={a} sign="A" />
            <Side spot={chosen.b} data={b} sign="B" />
          </div>
          {chosen.names.length > 0 && <NamesTable names={chosen.names} />}
          <DifferenceList items={items} at={at} choose={choose} />
        </>
      )}
    </>
  );
}

// The names whose values differ.
function NamesTable({ names }: { names: Difference["names"] }) {
  return (
    <div class="table-box">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">A</th>
            <th scope="col">B</th>
          </tr>
        </thead>
        <tbody>
          {names.map((one, index) => (
            <tr key={index}>
              <td class="mono">
                <b>
                  <bdi>{decodeLine(one.name)}</bdi>
                </b>
              </td>
              <td class={`mono v-${classifyValue(one.a)}`}>
                <bdi>{one.a === undefined ? "–" : formatValue(one.a, 120)}</bdi>
              </td>
              <td class={`mono v-${classifyValue(one.b)}`}>
                <bdi>{one.b === undefined ? "–" : formatValue(one.b, 120)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DifferenceList({ items, at, choose }: { items: Difference[]; at: number; choose: (index: number) => void }) {
  return (
    <ol class="difference-list">
      {items.slice(0, 200).map((one, index) => (
        <li key={index}>
          <button
            class={index === at ? "row-button on" : "row-button"}
            aria-current={index === at ? "true" : undefined}
            onClick={() => choose(index)}
          >
            <span class="event-kind">{KINDS[one.kind] ?? one.kind}</span>
            <bdi class="fn">
              {decodeLine((one.a ?? one.b)?.function)}:{(one.a ?? one.b)?.line}
            </bdi>
            <span class="where">
              <bdi>
                {one.names
                  .map(
                    (name) =>
                      `${decodeLine(name.name)}: ${escapeLine(name.a_text ?? "–")} | ${escapeLine(name.b_text ?? "–")}`,
                  )
                  .join("  ")
                  .slice(0, 160)}
              </bdi>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Side({ spot, data, sign }: { spot: Spot | null; data: RunData; sign: string }) {
  const source = useMemo(
    () => data.sources.find((one) => decodeText(one.file) === decodeText(spot?.file))?.source,
    [data, spot],
  );
  const lines = useLines(data.run.id, source);
  if (!spot)
    return (
      <section class="panel side" aria-label={`Run ${sign}`}>
        <p class="quiet pad">Only in run {sign === "A" ? "B" : "A"}</p>
      </section>
    );
  return (
    <section class="panel side" aria-label={`Run ${sign}`}>
      <div class="panel-head">
        <b class="tag">{sign}</b>
        {spot.event && <span class={`event-kind e-${spot.event}`}>{spot.event}</span>}
        <a class="position" href={makeRunAddress(data.run.id, "", spot.position)}>
          {spot.position}
        </a>
        <bdi class="fn">{decodeLine(spot.function)}</bdi>
      </div>
      {spot.exception && (
        <div class="result raised">
          <bdi>
            {decodeLine(spot.exception.type)}: {decodeLine(spot.exception.message)}
          </bdi>
        </div>
      )}
      {lines ? (
        <SourceView lines={lines} current={spot.line} raised={!!spot.exception} label={`Source of run ${sign}`} />
      ) : (
        <p class="pad">
          <Statement text={decodeText(spot.text)} />
        </p>
      )}
    </section>
  );
}

function Timings({ a, b }: { a: string; b: string }) {
  const { items, end, error } = useList<Timing>(`${a}/${b}/stats`, "diff", { run: a, other: b, stats: true });
  const [all, setAll] = useState(false);
  const rows = all ? items : items.filter((one) => one.certain);
  return (
    <>
      <Trouble error={error} />
      <div class="view-bar">
        <span class="quiet" role="status">
          {end
            ? `${formatPlural(items.filter((one) => one.certain).length, "function")} of ${formatCount(items.length)} differ by more than noise`
            : "counting …"}
        </span>
        <label class="choice">
          <input type="checkbox" checked={all} onChange={() => setAll(!all)} /> show all
        </label>
      </div>
      <div class="table-box" tabIndex={0} role="region" aria-label="Functions">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Function</th>
              <th scope="col">Where</th>
              <th scope="col" class="num">
                Calls A
              </th>
              <th scope="col" class="num">
                Calls B
              </th>
              <th scope="col" class="num">
                Own A
              </th>
              <th scope="col" class="num">
                Own B
              </th>
              <th scope="col" class="num">
                Difference
              </th>
              <th scope="col" class="num">
                Noise
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, 500).map((one, index) => (
              <tr key={index}>
                <td class="mono">
                  <bdi>{decodeLine(one.function)}</bdi>
                </td>
                <td>
                  <SourceLink run={a} file={one.file} line={one.line} source={one.source} />
                </td>
                <td class="num">{one.a ? formatCount(one.a.calls) : "–"}</td>
                <td class="num">{one.b ? formatCount(one.b.calls) : "–"}</td>
                <td class="num">{one.a ? formatDuration(one.a.own_ns) : "–"}</td>
                <td class="num">{one.b ? formatDuration(one.b.own_ns) : "–"}</td>
                <td class="num">
                  <b class={one.certain ? (one.delta_ns > 0 ? "raised-text" : "s-ok") : "quiet"}>
                    {one.delta_ns < 0 ? "−" : "+"}
                    {formatDuration(Math.abs(one.delta_ns))}
                  </b>
                </td>
                <td class="num">{one.noise_ns === null ? "?" : `± ${formatDuration(one.noise_ns)}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
