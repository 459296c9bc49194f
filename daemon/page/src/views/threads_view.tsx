// The threads and tasks of a run.
import { useState } from "preact/hooks";
import { formatCount, formatDuration, formatPlural, decodeLine, measureNs } from "../data/format";
import { makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import type { TaskCount, Thread } from "../data/types";
import { useList } from "../data/use_list";
import { PartNote, PositionLink, Trouble } from "../parts/view_parts";

export function ThreadsView({ data }: { data: RunData }) {
  const id = data.run.id;
  const { items, error } = useList<Thread>(
    `${id}/threads`,
    "threads",
    { run: id, lines: true },
    measureGrowth(data.run),
  );
  const lines = new Map(items.map((one) => [one.thread, one.lines]));
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Threads</h2>
      </div>
      <PartNote data={data} />
      <Trouble error={error} />
      <div class="table-box" tabIndex={0} role="region" aria-label="Threads">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Thread</th>
              <th scope="col">Process</th>
              <th scope="col" class="num">
                Started
              </th>
              <th scope="col" class="num">
                Duration
              </th>
              <th scope="col" class="num">
                Events
              </th>
              <th scope="col" class="num">
                Lines
              </th>
              <th scope="col" class="num">
                Lost
              </th>
              <th scope="col">First</th>
              <th scope="col">Last</th>
              <th scope="col">Events</th>
            </tr>
          </thead>
          <tbody>
            {data.threads.map((thread) => (
              <tr key={thread.thread}>
                <td>
                  <span class={`lane-dot lane-${thread.thread % 6}`} aria-hidden="true" />{" "}
                  <b>
                    <bdi>{decodeLine(thread.name)}</bdi>
                  </b>{" "}
                  {!thread.ended && data.run.state === "running" && <span class="state s-running">running</span>}
                </td>
                <td>{thread.process}</td>
                <td class="num">{formatDuration(measureNs(data.run.start_ns, thread.first_ns))}</td>
                <td class="num">{formatDuration(measureNs(thread.first_ns, thread.last_ns))}</td>
                <td class="num">{formatCount(thread.events)}</td>
                <td class="num">{lines.has(thread.thread) ? formatCount(lines.get(thread.thread) ?? 0) : "…"}</td>
                <td class="num">{thread.lost ? <span class="lost">{formatCount(thread.lost)}</span> : "–"}</td>
                <td>
                  <PositionLink run={id} at={`${thread.thread}:1`} />
                </td>
                <td>
                  <PositionLink run={id} at={`${thread.thread}:${Math.max(1, thread.events + thread.lost)}`} />
                </td>
                <td>
                  <a href={makeRunAddress(id, "events", "", { thread: String(thread.thread) })}>table</a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {data.tasks.length > 0 && <TasksTable data={data} />}
    </main>
  );
}

const STEP = 500; // rows in the document before "Show more"

function TasksTable({ data }: { data: RunData }) {
  const id = data.run.id;
  const { items, end, error } = useList<TaskCount>(
    `${id}/tasks`,
    "tasks",
    { run: id, counts: true },
    measureGrowth(data.run),
  );
  const [filter, setFilter] = useState("");
  const [busy, setBusy] = useState(false);
  const [rows, setRows] = useState(STEP);
  const fits = items.filter((one) => decodeLine(one.name).toLowerCase().includes(filter.toLowerCase()));
  if (busy) fits.sort((a, b) => b.events - a.events);
  const thread = (one: TaskCount) => data.threads.find((each) => each.thread === one.thread);
  return (
    <>
      <div class="view-bar">
        <h2>Tasks</h2>
        <input
          type="search"
          placeholder="filter tasks"
          aria-label="Filter tasks"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <div class="chips" role="group" aria-label="Order">
          <button aria-pressed={!busy} onClick={() => setBusy(false)}>
            in order
          </button>
          <button aria-pressed={busy} onClick={() => setBusy(true)}>
            busiest first
          </button>
        </div>
        <span class="quiet" role="status">
          {end ? formatPlural(items.length, "task") : "counting …"}
        </span>
      </div>
      <Trouble error={error} />
      <div class="table-box" tabIndex={0} role="region" aria-label="Tasks">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">Thread</th>
              <th scope="col" class="num">
                Started
              </th>
              <th scope="col" class="num">
                Duration
              </th>
              <th scope="col" class="num">
                Events
              </th>
              <th scope="col" class="num">
                Turns
              </th>
              <th scope="col">First</th>
              <th scope="col">Last</th>
              <th scope="col">Events</th>
            </tr>
          </thead>
          <tbody>
            {fits.slice(0, rows).map((one) => (
              <tr key={one.task}>
                <td>
                  <b>
                    <bdi>{decodeLine(one.name)}</bdi>
                  </b>
                </td>
                <td>
                  <bdi>{decodeLine(thread(one)?.name)}</bdi>
                </td>
                <td class="num">
                  {one.first_ns ? formatDuration(measureNs(data.run.start_ns, one.first_ns)) : "never ran"}
                </td>
                <td class="num">{one.first_ns ? formatDuration(measureNs(one.first_ns, one.last_ns)) : "–"}</td>
                <td class="num">{formatCount(one.events)}</td>
                <td class="num">{formatCount(one.turns)}</td>
                <td>{one.first && <PositionLink run={id} at={one.first} />}</td>
                <td>{one.last && <PositionLink run={id} at={one.last} />}</td>
                <td>
                  <a
                    href={makeRunAddress(id, "search", "", {
                      where: `task == ${JSON.stringify(decodeLine(one.name))}`,
                    })}
                  >
                    find
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {fits.length > rows && (
        <button onClick={() => setRows(rows + STEP * 4)}>Show more of {formatCount(fits.length)}</button>
      )}
    </>
  );
}
