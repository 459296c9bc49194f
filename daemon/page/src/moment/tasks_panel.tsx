// The asyncio tasks beside the source: the state of each at this moment, and links to their nearest events.
import { signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { getBackend, say, sayError } from "../data/app_state";
import { formatCount, formatDuration, formatPlural, decodeLine, measureNs } from "../data/format";
import { goTo, type State } from "../data/moment_state";
import { makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import { findEventAt, type Lane } from "../data/timeline_data";
import type { TaskCount } from "../data/types";
import { useList } from "../data/use_list";
import { Trouble } from "../parts/view_parts";

const ROWS = 60;
const opened = signal(false); // the panel is open; tasks are counted only then, because counting reads their events

// The states of a task, in the order of the panel.
const STATES = ["running", "waiting", "finished", "not started", "never ran"] as const;
type TaskState = (typeof STATES)[number];

function findTaskState(task: TaskCount, state: State): TaskState {
  if (!task.first_ns || !task.last_ns) return "never ran";
  if (task.process === state.process && task.task === state.event.task) return "running";
  const now = BigInt(state.time_ns);
  return BigInt(task.first_ns) > now ? "not started" : BigInt(task.last_ns) < now ? "finished" : "waiting";
}

// Goes to the task's event nearest to this moment.
async function goToTask(run: string, task: TaskCount, state: State) {
  try {
    const [lane] = await getBackend().list<Lane>("timeline", {
      run,
      buckets: 2000,
      thread: task.thread,
      tasks: [task.task],
    });
    const { seq } = lane ? findEventAt(lane, BigInt(state.time_ns)) : { seq: 0 };
    if (seq > 0) goTo(run, `${task.thread}:${seq}`);
    else say("no events of this task are recorded");
  } catch (error) {
    sayError(error);
  }
}

export function TasksPanel({ run, data, state }: { run: string; data: RunData; state: State }) {
  const open = opened.value;
  const [filter, setFilter] = useState("");
  const { items, end, error } = useList<TaskCount>(
    open ? `${run}/tasks` : null,
    "tasks",
    { run, counts: true },
    measureGrowth(data.run),
  );
  const sorted = useMemo(() => {
    const rows = items.map((task) => ({ task, taskState: findTaskState(task, state) }));
    return rows.sort(
      (a, b) => STATES.indexOf(a.taskState) - STATES.indexOf(b.taskState) || a.task.task - b.task.task,
    );
  }, [items, state.position]);
  if (data.tasks.length === 0) return null;
  const fits = sorted.filter(({ task }) => decodeLine(task.name).toLowerCase().includes(filter.toLowerCase()));
  return (
    <section class={open ? "panel tasks open" : "panel tasks"} aria-label="Asyncio tasks">
      <div class="panel-head">
        <h2>
          <button class="fold" aria-expanded={open} onClick={() => (opened.value = !open)}>
            {open ? "▾" : "▸"} Tasks
          </button>
        </h2>
        <span class="quiet">{formatCount(data.tasks.length)}</span>
        {open && (
          <input
            type="search"
            placeholder="filter"
            aria-label="Filter tasks"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
      </div>
      {open && <Trouble error={error} />}
      {open && (
        <ol class="panel-body rows">
          {!end && !error && <li class="quiet pad">counting …</li>}
          {fits.slice(0, ROWS).map(({ task, taskState }) => (
            <li key={`${task.process}/${task.task}`}>
              <button
                class={taskState === "running" ? "row-button on" : "row-button"}
                disabled={taskState === "never ran"}
                aria-current={taskState === "running" ? "true" : undefined}
                title={
                  task.first_ns
                    ? `${formatPlural(task.events, "event")} in ${formatPlural(task.turns, "turn")}, from ${formatDuration(measureNs(data.run.start_ns, task.first_ns))} to ${formatDuration(measureNs(data.run.start_ns, task.last_ns))}`
                    : undefined
                }
                onClick={() => goToTask(run, task, state)}
              >
                <bdi class="fn">{decodeLine(task.name)}</bdi>
                <span class="where">{taskState}</span>
              </button>
            </li>
          ))}
          {end && fits.length === 0 && <li class="quiet pad">No task has this name.</li>}
          {fits.length > ROWS && (
            <li class="quiet pad">
              {formatCount(fits.length - ROWS)} more: filter, or see{" "}
              <a href={makeRunAddress(run, "threads")}>Threads</a>
            </li>
          )}
        </ol>
      )}
    </section>
  );
}
