// Calls and times of each function, sortable, with the callers of each.
import { useMemo, useState } from "preact/hooks";
import { formatCount, formatDuration, formatPlural, decodeLine } from "../data/format";
import { route, makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import type { Text } from "../data/types";
import { useList } from "../data/use_list";
import { PartNote, SourceLink, setQuery, SpanChip, makeSpanFields, ThreadChoice, Trouble } from "../parts/view_parts";

export interface Times {
  calls: number;
  primitive: number;
  own_ns: number;
  cumulative_ns: number;
}
export interface FunctionStats extends Times {
  file: Text | null;
  line: number | null;
  function: Text;
  source: number | null;
  callers?: (Times & { file: Text | null; line: number | null; function: Text; source: number | null })[];
}
const SORTS: [keyof FunctionStats, string][] = [
  ["calls", "Calls"],
  ["own_ns", "Own time"],
  ["cumulative_ns", "Total time"],
];
const SHOWN = 500;
const formatPerCall = (ns: number, calls: number) => (calls > 0 ? formatDuration(ns / calls) : "–");

export function StatisticsView({ data }: { data: RunData }) {
  const id = data.run.id;
  const query = route.value.query;
  const thread = Number(query.get("thread")) || undefined;
  const sort = (SORTS.find(([key]) => key === query.get("sort"))?.[0] ?? "cumulative_ns") as
    "calls" | "own_ns" | "cumulative_ns";
  const [filter, setFilter] = useState("");
  const [open, setOpen] = useState("");
  const span = makeSpanFields(data);
  const { items, end, error } = useList<FunctionStats>(
    `${id}/${thread}/${span.from_ns}/${span.to_ns}`,
    "stats",
    { run: id, thread, callers: true, ...span },
    measureGrowth(data.run),
  );
  const rows = useMemo(
    () =>
      [...items]
        .filter((one) =>
          `${decodeLine(one.function)} ${decodeLine(one.file)}`.toLowerCase().includes(filter.toLowerCase()),
        )
        .sort((a, b) => b[sort] - a[sort]),
    [items, sort, filter],
  );
  const most = Math.max(1, ...items.map((one) => one[sort]));
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Statistics</h2>
        <ThreadChoice data={data} />
        <SpanChip />
        <input
          type="search"
          placeholder="filter functions"
          aria-label="Filter functions"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="quiet">
          {end
            ? `${formatPlural(items.length, "function")}, ${formatPlural(end.calls ?? 0, "call")}; recording overhead removed from the times`
            : "counting …"}
        </span>
      </div>
      <PartNote data={data} calls />
      <Trouble error={error} />
      <div class="table-box" tabIndex={0} role="region" aria-label="Functions">
        <table class="table stats">
          <thead>
            <tr>
              <th scope="col">Function</th>
              <th scope="col">Where</th>
              {SORTS.map(([key, name]) => (
                <th key={key} scope="col" class="num" aria-sort={key === sort ? "descending" : "none"}>
                  <button class="sort" onClick={() => setQuery({ sort: key })}>
                    {name}
                    {key === sort ? " ↓" : ""}
                  </button>
                </th>
              ))}
              <th scope="col" class="num">
                Own per call
              </th>
              <th scope="col" class="num">
                Total per call
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, SHOWN).map((one) => {
              const key = `${decodeLine(one.file)}/${one.line}/${decodeLine(one.function)}`;
              const opened = open === key;
              const toggle = () => setOpen(opened ? "" : key);
              return (
                <FunctionRows key={key} run={id} one={one} sort={sort} most={most} opened={opened} toggle={toggle} />
              );
            })}
          </tbody>
        </table>
        {rows.length > SHOWN && (
          <p class="quiet pad">
            The first {SHOWN} of {formatCount(rows.length)}; filter to see others.
          </p>
        )}
      </div>
    </main>
  );
}

// The row of a function and, when it is opened, the rows of its callers.
function FunctionRows({
  run,
  one,
  sort,
  most,
  opened,
  toggle,
}: {
  run: string;
  one: FunctionStats;
  sort: keyof FunctionStats;
  most: number;
  opened: boolean;
  toggle: () => void;
}) {
  return (
    <>
      <tr>
        <td>
          <button class="sort fn-name" aria-expanded={opened} onClick={toggle}>
            {one.callers?.length ? (opened ? "▾ " : "▸ ") : "  "}
            <bdi class="mono">{decodeLine(one.function)}</bdi>
          </button>
          <a
            class="quiet small"
            href={makeRunAddress(run, "search", "", {
              where: `event == call and function == ${JSON.stringify(decodeLine(one.function))}`,
            })}
          >
            find calls
          </a>
        </td>
        <td>
          <SourceLink run={run} file={one.file} line={one.line} source={one.source} />
        </td>
        <td class="num">
          {formatCount(one.calls)}
          {one.primitive !== one.calls && <span class="quiet"> / {formatCount(one.primitive)}</span>}
        </td>
        <td class="num">
          <Bar part={sort === "own_ns" ? one.own_ns / most : 0} />
          {formatDuration(one.own_ns)}
        </td>
        <td class="num">
          <Bar part={sort === "cumulative_ns" ? one.cumulative_ns / most : 0} />
          {formatDuration(one.cumulative_ns)}
        </td>
        <td class="num">{formatPerCall(one.own_ns, one.calls)}</td>
        <td class="num">{formatPerCall(one.cumulative_ns, one.primitive)}</td>
      </tr>
      {opened &&
        one.callers?.map((caller, index) => (
          <tr key={index} class="caller">
            <td>
              called by <bdi class="mono">{decodeLine(caller.function)}</bdi>
            </td>
            <td>
              <SourceLink run={run} file={caller.file} line={caller.line} source={caller.source} />
            </td>
            <td class="num">{formatCount(caller.calls)}</td>
            <td class="num">{formatDuration(caller.own_ns)}</td>
            <td class="num">{formatDuration(caller.cumulative_ns)}</td>
            <td />
            <td />
          </tr>
        ))}
    </>
  );
}

const Bar = ({ part }: { part: number }) =>
  part > 0 ? <span class="bar" style={{ width: `${Math.round(part * 90)}px` }} aria-hidden="true" /> : null;
