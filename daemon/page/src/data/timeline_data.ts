// The timeline's rows (threads and tasks) and lanes (the number of events in each bucket of time). Lanes are requested
// for the rows in sight and the visible time range.
import { useEffect, useRef, useState } from "preact/hooks";
import { getBackend } from "./app_state";
import type { Stream } from "./backend";
import type { Text, TaskCount, Thread } from "./types";

export interface Lane {
  process: number;
  thread: number;
  task?: number;
  from_ns: string;
  to_ns: string;
  exact: boolean; // true: each event was counted; false: the events of a chunk were spread evenly over its time
  events: number[]; // number of events in each bucket; likewise exceptions, output, lost
  exceptions: number[];
  output: number[];
  lost: number[];
  seq: number[]; // first event in each bucket; 0: none
  single?: [number, number, string, number][]; // seq, ns since from_ns, kind, open frames; absent: too many events
}

export interface Span {
  from: bigint;
  to: bigint;
}
export const readSpan = (lane: Lane): Span => ({ from: BigInt(lane.from_ns), to: BigInt(lane.to_ns) });

// A row of the timeline: a thread, or a task below its thread (task 0: the thread itself).
export interface LaneRow {
  key: string;
  thread: number;
  process: number;
  task: number;
  name: Text;
}
const makeRowKey = (thread: number, task: number) => (task ? `${thread}/${task}` : String(thread));

export type TaskOrder = "off" | "first" | "busy";

// All threads, each with its tasks that have events in the visible time range.
export function makeRows(threads: Thread[], tasks: TaskCount[], order: TaskOrder, view: Span | null): LaneRow[] {
  const rows: LaneRow[] = [];
  const byThread = new Map<number, TaskCount[]>();
  for (const task of order === "off" ? [] : tasks) {
    if (!task.thread || !task.first_ns || !task.last_ns) continue;
    if (view && (BigInt(task.last_ns) < view.from || BigInt(task.first_ns) > view.to)) continue;
    const list = byThread.get(task.thread);
    if (list) list.push(task);
    else byThread.set(task.thread, [task]);
  }
  for (const thread of threads) {
    rows.push({
      key: makeRowKey(thread.thread, 0),
      thread: thread.thread,
      process: thread.process,
      task: 0,
      name: thread.name,
    });
    const own = byThread.get(thread.thread) ?? [];
    if (order === "busy") own.sort((a, b) => b.events - a.events || a.task - b.task);
    for (const task of own)
      rows.push({
        key: makeRowKey(thread.thread, task.task),
        thread: thread.thread,
        process: task.process,
        task: task.task,
        name: task.name,
      });
  }
  return rows;
}

const KEPT = 400; // lanes in the cache
const WAIT_MS = 40; // a time range that is left sooner is not requested

// Lanes are requested again when these change. A thread's lane costs less (summaries) than a task's (every event).
export interface Age {
  threads: string;
  tasks: string;
}

// The lanes of the rows in sight, by row key. A lane of the previous time range stays until the new one has arrived.
export function useLanes(
  run: string,
  rows: LaneRow[],
  view: Span | null,
  buckets: number,
  age: Age,
): Map<string, Lane> {
  const lanes = useRef(new Map<string, { lane: Lane; stamp: string }>());
  const [, redraw] = useState(0);
  const stampOf = (task: number) =>
    `${run}/${view ? `${view.from}-${view.to}` : ""}/${task ? age.tasks : age.threads}`;
  const wanted = rows.map((row) => row.key).join(" ");
  useEffect(() => {
    const missing = rows.filter((row) => lanes.current.get(row.key)?.stamp !== stampOf(row.task));
    if (missing.length === 0) return;
    const streams: Stream[] = [];
    let stop = false;
    const take = (lane: Lane) => {
      if (stop) return;
      const key = makeRowKey(lane.thread, lane.task ?? 0);
      lanes.current.delete(key); // moves the lane to the end of the order: the first ones are evicted first
      lanes.current.set(key, { lane, stamp: stampOf(lane.task ?? 0) });
    };
    const wait = setTimeout(
      async () => {
        const fields: Record<string, unknown> = { run, buckets, from_ns: view?.from, to_ns: view?.to };
        const threads = missing.filter((row) => !row.task).map((row) => row.thread);
        // Counting tasks reads every event and may take long: each thread has a stream that can be cancelled.
        const byThread = new Map<number, number[]>();
        for (const row of missing)
          if (row.task) byThread.set(row.thread, [...(byThread.get(row.thread) ?? []), row.task]);
        for (const [thread, tasks] of byThread) {
          const stream = getBackend().stream("timeline", { ...fields, thread, tasks }, take);
          streams.push(stream);
          stream.done.then(
            () => !stop && redraw((n) => n + 1),
            () => undefined,
          );
        }
        try {
          if (threads.length > 0) {
            streams.push(getBackend().stream("timeline", { ...fields, threads }, take));
            await streams[streams.length - 1].done;
          }
        } catch {
          return; // connection lost: the lanes stay as they are
        }
        for (const key of lanes.current.keys()) {
          if (lanes.current.size <= KEPT) break;
          if (!rows.some((row) => row.key === key)) lanes.current.delete(key);
        }
        if (!stop) redraw((n) => n + 1);
      },
      lanes.current.size ? WAIT_MS : 0,
    );
    return () => {
      stop = true;
      clearTimeout(wait);
      for (const stream of streams) stream.close();
    };
  }, [stampOf(0), stampOf(1), wanted]);
  return new Map([...lanes.current].map(([key, { lane }]) => [key, lane]));
}

// The first event of the nearest bucket that has events; 0: no bucket has any.
function findNearestSeq(lane: Lane, bucket: number): number {
  for (let away = 0; away < lane.seq.length; away++) {
    for (const at of [bucket - away, bucket + away]) {
      if (lane.seq[at] > 0) return lane.seq[at];
    }
  }
  return 0;
}

// The event of a lane nearest to a time. `kind` is set when the lane has single events; otherwise `bucket` is.
export function findEventAt(lane: Lane, time: bigint): { seq: number; kind: string; bucket: number } {
  const since = Number(time - BigInt(lane.from_ns));
  if (lane.single && lane.single.length > 0) {
    let best = lane.single[0];
    for (const one of lane.single) if (Math.abs(one[1] - since) < Math.abs(best[1] - since)) best = one;
    return { seq: best[0], kind: best[2], bucket: -1 };
  }
  const part = since / Math.max(1, Number(BigInt(lane.to_ns) - BigInt(lane.from_ns)));
  const bucket = Math.min(lane.events.length - 1, Math.max(0, Math.floor(part * lane.events.length)));
  return { seq: findNearestSeq(lane, bucket), kind: "", bucket };
}
