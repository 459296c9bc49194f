// The state of the timeline: its rows and lanes, the visible time range, the pointer, and what follows the moment.
import { signal } from "@preact/signals";
import type { TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { generation } from "../data/api";
import { say } from "../data/app_state";
import { formatPlural } from "../data/format";
import { goTo, type State } from "../data/moment_state";
import { measureGrowth, type RunData } from "../data/run_data";
import {
  findEventAt,
  makeRows,
  readSpan,
  useLanes,
  type Lane,
  type LaneRow,
  type Span,
  type TaskOrder,
} from "../data/timeline_data";
import type { TaskCount } from "../data/types";
import { useList } from "../data/use_list";
import { AXIS, type Rows } from "./timeline_draw";
import { centerSpan, getLength, panSpan, zoomSpan, type TimeScale } from "./timeline_scale";

const BUCKETS = 600;
const LANE_MOST = 56,
  LANE_LEAST = 20; // px
const TASKS_AT_ONCE = 3_000_000; // larger runs (in events) show their tasks only on request
const DRAG_LEAST = 3; // px; a shorter drag is a click

type Element<Kind> = { current: Kind | null };

export const chosenOrder = signal<TaskOrder | null>(null); // the user's choice; null: none yet

// The rows of the run in the visible time range. `order` is null when the run has no tasks.
export function useRows(run: string, data: RunData, view: Span | null): { rows: LaneRow[]; order: TaskOrder | null } {
  const hasTasks = data.tasks.length > 0;
  const order = !hasTasks ? "off" : (chosenOrder.value ?? (data.run.events <= TASKS_AT_ONCE ? "first" : "off"));
  const counted = useList<TaskCount>(
    order === "off" ? null : `${run}/tasks`,
    "tasks",
    { run, counts: true },
    measureGrowth(data.run),
  );
  const rows = useMemo(
    () => makeRows(data.threads, counted.items, order, view),
    [data.threads, counted.items, order, view?.from, view?.to],
  );
  return { rows, order: hasTasks ? order : null };
}

// The next order of tasks: off, first, busy, and off again.
export function rotateOrder(order: TaskOrder | null) {
  if (order === null) say("this run has no asyncio tasks");
  else chosenOrder.value = order === "off" ? "first" : order === "first" ? "busy" : "off";
}

// The rows in sight. `first` is the index of the first of them among all rows.
export function findRowsInSight(rows: LaneRow[], room: number, scrolled: number): Rows & { first: number } {
  const tall = Math.min(LANE_MOST, Math.max(LANE_LEAST, Math.floor((room - AXIS - 2) / Math.max(1, rows.length))));
  const first = Math.min(Math.max(0, rows.length - 1), Math.floor(scrolled / tall));
  return {
    rows: rows.slice(first, first + Math.ceil(room / tall) + 1),
    top: AXIS + first * tall - scrolled,
    tall,
    first,
  };
}

// The index of the row of the moment's task, or else of its thread; -1: neither has a row.
export function findRowOf(rows: LaneRow[], state: State): number {
  const task = state.event.task ?? 0;
  return Math.max(
    rows.findIndex((row) => row.thread === state.thread && row.task === task),
    rows.findIndex((row) => row.thread === state.thread && !row.task),
  );
}

// The lanes of the rows in sight, by row key. They grow with a run that is being recorded.
export function useRunLanes(run: string, data: RunData, rows: LaneRow[], view: Span | null): Map<string, Lane> {
  const running = data.run.state === "running";
  return useLanes(run, rows, view, BUCKETS, {
    threads: `${generation.value}/${running ? data.run.events : "ended"}`,
    tasks: `${generation.value}/${measureGrowth(data.run)}`,
  });
}

// The time range of the run, which any lane of it has while the whole run is visible; null: no lane has arrived.
export function useWholeSpan(rows: LaneRow[], lanes: Map<string, Lane>, view: Span | null): Span | null {
  const [whole, setWhole] = useState<Span | null>(null);
  const anyLane = rows.map((row) => lanes.get(row.key)).find((lane) => lane);
  useEffect(() => {
    if (!view && anyLane) setWhole(readSpan(anyLane));
  }, [view, anyLane]);
  return whole;
}

// The width of the canvas and the height that the lanes have, in px.
export function useSize(canvas: Element<HTMLCanvasElement>, box: Element<HTMLDivElement>) {
  const [size, setSize] = useState({ width: 600, room: 120 });
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() =>
      setSize({ width: canvas.current!.clientWidth, room: box.current!.clientHeight }),
    );
    watch.observe(canvas.current!);
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  return size;
}

// The canvas reads its colours when it is drawn, so a change of the colour scheme draws it again.
export function useRepaintWithScheme() {
  const [, repaint] = useState(0);
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => repaint((n) => n + 1);
    scheme.addEventListener("change", changed);
    return () => scheme.removeEventListener("change", changed);
  }, []);
}

// The user's choice of a time range, and the drag that is changing it.
export interface Viewport {
  view: Span | null; // null: the whole run
  setView: (view: Span | null) => void;
  drag: { current: { x: number; view: Span; moved: boolean } | null }; // null: no button is down
}

export function useViewport(): Viewport {
  const [view, setView] = useState<Span | null>(null);
  const drag = useRef<Viewport["drag"]["current"]>(null);
  return { view, setView, drag };
}

// Zooms around an x of the canvas.
export function zoomAt({ setView }: Viewport, { shown, whole, width }: TimeScale, factor: number, x: number) {
  if (shown && whole) setView(zoomSpan(shown, whole, factor, x / width));
}

// Keeps the moment in sight when keys move it: in time, and among the rows.
export function useFollowMoment(
  state: State,
  { view, setView, drag }: Viewport,
  whole: Span | null,
  box: Element<HTMLDivElement>,
  { row, tall, room }: { row: number; tall: number; room: number },
) {
  const here = BigInt(state.time_ns);
  useEffect(() => {
    if (!view || !whole || drag.current) return;
    if (here < view.from || here > view.to) setView(centerSpan(view, whole, here));
  }, [state.position]);
  useEffect(() => {
    const element = box.current!;
    const at = row * tall;
    if (row < 0 || (at >= element.scrollTop && at + tall + AXIS <= element.scrollTop + element.clientHeight)) return;
    element.scrollTop = Math.max(0, at - (element.clientHeight - AXIS - tall) / 2);
  }, [state.thread, state.event.task ?? 0, row, room]);
}

// Returns a function that goes to the event of a row nearest to the moment, as soon as the row's lane has arrived.
export function useGoToRow(run: string, state: State, lanes: Map<string, Lane>): (row: LaneRow) => void {
  const [wanted, setWanted] = useState<LaneRow | null>(null);
  const lane = wanted && lanes.get(wanted.key);
  useEffect(() => {
    if (!wanted || !lane) return;
    setWanted(null);
    const { seq } = findEventAt(lane, BigInt(state.time_ns));
    if (seq > 0) goTo(run, `${wanted.thread}:${seq}`);
    else say("it has no events in this time range");
  }, [wanted, lane]);
  useEffect(() => setWanted(null), [state.position]); // the user went elsewhere
  return setWanted;
}

type LanePointer = TargetedPointerEvent<HTMLCanvasElement>;

// The event under the pointer; null: none.
function findEventUnder(
  pointer: LanePointer,
  { rows, top, tall }: Rows,
  lanes: Map<string, Lane>,
  { shown, width }: TimeScale,
) {
  const row = pointer.offsetY >= AXIS ? rows[Math.floor((pointer.offsetY - top) / tall)] : undefined;
  const lane = row && lanes.get(row.key);
  if (!lane || !shown) return null;
  const time = shown.from + BigInt(Math.round((pointer.offsetX / width) * getLength(shown)));
  const found = findEventAt(lane, time);
  return found.seq > 0 ? { lane, ...found } : null;
}

// The handlers of the pointer on the canvas: dragging pans, and a click goes to the event under the pointer. `hover`
// describes that event; "": there is none.
export function usePointer(
  run: string,
  { view, setView, drag }: Viewport,
  scale: TimeScale,
  rows: Rows,
  lanes: Map<string, Lane>,
) {
  const [hover, setHover] = useState("");
  const press = (event: LanePointer) => {
    if (scale.shown) drag.current = { x: event.clientX, view: scale.shown, moved: false };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const move = (event: LanePointer) => {
    const held = drag.current;
    if (held && view && scale.whole && Math.abs(event.clientX - held.x) > DRAG_LEAST) {
      held.moved = true;
      setView(panSpan(held.view, scale.whole, (event.clientX - held.x) / scale.width));
      return;
    }
    const over = findEventUnder(event, rows, lanes, scale);
    if (!over) setHover("");
    else if (over.bucket < 0) setHover(`${over.kind} at ${over.lane.thread}:${over.seq}`);
    else setHover(`${formatPlural(over.lane.events[over.bucket], "event")} here`);
  };
  const release = (event: LanePointer) => {
    const held = drag.current;
    drag.current = null;
    if (held?.moved) return;
    const over = findEventUnder(event, rows, lanes, scale);
    if (over) goTo(run, `${over.lane.thread}:${over.seq}`);
  };
  return { hover, press, move, release, leave: () => setHover("") };
}
