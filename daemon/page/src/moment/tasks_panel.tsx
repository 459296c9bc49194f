// The asyncio tasks beside the source: the state of each at this moment, and links to their nearest events.
import { signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { backend, say, sayError } from "../data/app_state";
import { count, duration, plural, shown, since } from "../data/format";
import { goTo, type State } from "../data/moment_state";
import { runAddress } from "../data/route";
import { grown, type RunData } from "../data/run_data";
import { eventAt, type Lane } from "../data/timeline_data";
import type { TaskCount } from "../data/types";
import { useList } from "../data/use_list";
import { Trouble } from "../parts/view_parts";

const ROWS = 60;
const opened = signal(false); // the panel is open; tasks are counted only then, because counting reads their events

// The states of a task, in the order of the panel.
const STATES = ["running", "waiting", "finished", "not started", "never ran"] as const;
type TaskState = (typeof STATES)[number];

function stateOf(task: TaskCount, state: State): TaskState {
  if (!task.first_ns || !task.last_ns) return "never ran";
  if (task.process === state.process && task.task === state.event.task) return "running";
  const now = BigInt(state.time_ns);
  return BigInt(task.first_ns) > now ? "not started" : BigInt(task.last_ns) < now ? "finished" : "waiting";
}

// Goes to the task's event nearest to this moment.
async function goToTask(run: string, task: TaskCount, state: State) {
  try {
    const [lane] = await backend().list<Lane>("timeline", {
      run,
      buckets: 2000,
      thread: task.thread,
      tasks: [task.task],
    });
    const { seq } = lane ? eventAt(lane, BigInt(state.time_ns)) : { seq: 0 };
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
    grown(data.run),
  );
  const sorted = useMemo(() => {
    const rows = items.map((task) => ({ task, taskState: stateOf(task, state) }));
    return rows.sort(
      (a, b) => STATES.indexOf(a.taskState) - STATES.indexOf(b.taskState) || a.task.task - b.task.task,
    );
  }, [items, state.position]);
  if (data.tasks.length === 0) return null;
  const fits = sorted.filter(({ task }) => shown(task.name).toLowerCase().includes(filter.toLowerCase()));
  return (
    <section class={open ? "panel tasks open" : "panel tasks"} aria-label="Asyncio tasks">
      <div class="panel-head">
        <h2>
          <button class="fold" aria-expanded={open} onClick={() => (opened.value = !open)}>
            {open ? "▾" : "▸"} Tasks
          </button>
        </h2>
        <span class="quiet">{count(data.tasks.length)}</span>
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
                    ? `${plural(task.events, "event")} in ${plural(task.turns, "turn")}, from ${duration(since(data.run.start_ns, task.first_ns))} to ${duration(since(data.run.start_ns, task.last_ns))}`
                    : undefined
                }
                onClick={() => goToTask(run, task, state)}
              >
                <bdi class="fn">{shown(task.name)}</bdi>
                <span class="where">{taskState}</span>
              </button>
            </li>
          ))}
          {end && fits.length === 0 && <li class="quiet pad">No task has this name.</li>}
          {fits.length > ROWS && (
            <li class="quiet pad">
              {count(fits.length - ROWS)} more: filter, or see <a href={runAddress(run, "threads")}>Threads</a>
            </li>
          )}
        </ol>
      )}
    </section>
  );
}
