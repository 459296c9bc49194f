// The timeline: a lane for each thread and task, from the whole run down to single events. The wheel zooms, dragging
// pans, a click goes to the event. Only the lanes in sight are loaded and drawn.
import { signal } from "@preact/signals";
import type { TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { generation } from "../data/api";
import { say } from "../data/app_state";
import { formatDuration, formatPlural, decodeLine } from "../data/format";
import { goTo, type State } from "../data/moment_state";
import { makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import { AXIS, drawTimeline, makeTicks } from "./timeline_draw";
import {
  findEventAt,
  makeRows,
  readSpan,
  useLanes,
  type LaneRow,
  type Span,
  type TaskOrder,
} from "../data/timeline_data";
import type { EventObject, TaskCount } from "../data/types";
import { useList } from "../data/use_list";

const BUCKETS = 600;
const LANE_MOST = 56,
  LANE_LEAST = 20; // px
const TASKS_AT_ONCE = 3_000_000; // larger runs (in events) show their tasks only on request
export interface TimelineHandle {
  zoom(factor: number): void;
  whole(): void;
  tasks(): void;
}

type LanePointer = TargetedPointerEvent<HTMLCanvasElement>;

const chosenOrder = signal<TaskOrder | null>(null); // the user's choice; null: none yet

export function Timeline({
  run,
  data,
  state,
  handle,
  found,
}: {
  run: string;
  data: RunData;
  state: State;
  handle: { current: TimelineHandle | null };
  found: EventObject[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [whole, setWhole] = useState<Span | null>(null);
  const [view, setView] = useState<Span | null>(null); // the visible time range; null: the whole run
  const size = useSize(canvas, box);
  const [scrolled, setScrolled] = useState(0);
  const [hover, setHover] = useState<{ x: number; text: string } | null>(null);
  const running = data.run.state === "running";
  const drag = useRef<{ x: number; view: Span; moved: boolean } | null>(null);

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
  const tall = Math.min(
    LANE_MOST,
    Math.max(LANE_LEAST, Math.floor((size.room - AXIS - 2) / Math.max(1, rows.length))),
  );
  const first = Math.min(Math.max(0, rows.length - 1), Math.floor(scrolled / tall));
  const inSight = rows.slice(first, first + Math.ceil(size.room / tall) + 1);
  const top = AXIS + first * tall - scrolled;
  const lanes = useLanes(run, inSight, view, BUCKETS, {
    threads: `${generation.value}/${running ? data.run.events : "ended"}`,
    tasks: `${generation.value}/${measureGrowth(data.run)}`,
  });
  const anyLane = inSight.map((row) => lanes.get(row.key)).find((lane) => lane);
  useEffect(() => {
    if (!view && anyLane) setWhole(readSpan(anyLane));
  }, [view, anyLane]);

  useRepaintWithScheme();

  const shownSpan = view ?? whole;
  const here = BigInt(state.time_ns);
  const task = state.event.task ?? 0;
  const hereRow = Math.max(
    rows.findIndex((row) => row.thread === state.thread && row.task === task),
    rows.findIndex((row) => row.thread === state.thread && !row.task),
  );
  const xOf = (time: bigint) =>
    shownSpan ? (Number(time - shownSpan.from) / Math.max(1, Number(shownSpan.to - shownSpan.from))) * size.width : 0;

  useLayoutEffect(() => {
    if (!shownSpan) return;
    const start = BigInt(data.run.start_ns);
    const ticks = makeTicks(Number(shownSpan.from - start), Number(shownSpan.to - shownSpan.from), size.width);
    const marks = found.map((one) => ({ thread: one.thread, task: one.task ?? 0, x: xOf(BigInt(one.time_ns)) }));
    const on = rows[hereRow];
    drawTimeline(
      canvas.current!,
      { rows: inSight, top, tall },
      lanes,
      shownSpan,
      { at: xOf(here), thread: state.thread, task: on?.task ?? 0, found: marks },
      ticks,
    );
  });

  const zoomAt = (factor: number, x: number) => {
    if (!shownSpan || !whole) return;
    const span = Number(shownSpan.to - shownSpan.from);
    const next = Math.min(Math.max(span * factor, 200), Number(whole.to - whole.from));
    if (next >= Number(whole.to - whole.from)) {
      setView(null);
      return;
    }
    const at = Number(shownSpan.from - whole.from) + (x / size.width) * span;
    let from = at - (x / size.width) * next;
    from = Math.max(0, Math.min(from, Number(whole.to - whole.from) - next));
    setView({ from: whole.from + BigInt(Math.round(from)), to: whole.from + BigInt(Math.round(from + next)) });
  };
  handle.current = {
    zoom: (factor) => zoomAt(factor, Math.min(Math.max(xOf(here), 0), size.width)),
    whole: () => setView(null),
    tasks: () => {
      if (!hasTasks) say("this run has no asyncio tasks");
      else chosenOrder.value = order === "off" ? "first" : order === "first" ? "busy" : "off";
    },
  };

  // Keeps the moment in sight when keys move it.
  useEffect(() => {
    if (!view || !whole || drag.current) return;
    if (here >= view.from && here <= view.to) return;
    const span = view.to - view.from;
    let from = here - span / 2n;
    if (from < whole.from) from = whole.from;
    setView({ from, to: from + span });
  }, [state.position]);
  useEffect(() => {
    const element = box.current!;
    const at = hereRow * tall;
    if (hereRow < 0 || (at >= element.scrollTop && at + tall + AXIS <= element.scrollTop + element.clientHeight))
      return;
    element.scrollTop = Math.max(0, at - (element.clientHeight - AXIS - tall) / 2);
  }, [state.thread, task, hereRow, size.room]);

  const at = (event: { offsetX: number; offsetY: number }) => {
    const row = event.offsetY >= AXIS ? inSight[Math.floor((event.offsetY - top) / tall)] : undefined;
    const lane = row && lanes.get(row.key);
    if (!lane || !shownSpan) return null;
    const time =
      shownSpan.from + BigInt(Math.round((event.offsetX / size.width) * Number(shownSpan.to - shownSpan.from)));
    return { lane, ...findEventAt(lane, time) };
  };
  // A click on a name goes to its event nearest to this moment, as soon as its lane has arrived.
  const [wanted, setWanted] = useState<LaneRow | null>(null);
  const wantedLane = wanted && lanes.get(wanted.key);
  useEffect(() => {
    if (!wanted || !wantedLane) return;
    setWanted(null);
    const { seq } = findEventAt(wantedLane, here);
    if (seq > 0) goTo(run, `${wanted.thread}:${seq}`);
    else say("it has no events in this time range");
  }, [wanted, wantedLane]);
  useEffect(() => setWanted(null), [state.position]); // the user went elsewhere

  const press = (event: LanePointer) => {
    if (shownSpan) drag.current = { x: event.clientX, view: shownSpan, moved: false };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const pan = (event: LanePointer) => {
    const held = drag.current;
    if (held && view && whole && Math.abs(event.clientX - held.x) > 3) {
      held.moved = true;
      const span = held.view.to - held.view.from;
      let from = held.view.from - BigInt(Math.round(((event.clientX - held.x) / size.width) * Number(span)));
      if (from < whole.from) from = whole.from;
      if (from + span > whole.to) from = whole.to - span;
      setView({ from, to: from + span });
      return;
    }
    const over = at(event);
    setHover(
      over && over.seq > 0
        ? {
            x: event.offsetX,
            text:
              over.bucket >= 0
                ? `${formatPlural(over.lane.events[over.bucket], "event")} here`
                : `${over.kind} at ${over.lane.thread}:${over.seq}`,
          }
        : null,
    );
  };
  const release = (event: LanePointer) => {
    const held = drag.current;
    drag.current = null;
    if (held?.moved) return;
    const over = at(event);
    if (over && over.seq > 0) goTo(run, `${over.lane.thread}:${over.seq}`);
  };

  return (
    <section class="panel timeline" aria-label="Timeline">
      <div class="panel-head">
        <h2>Timeline</h2>
        <span class="quiet">
          {shownSpan ? formatDuration(Number(shownSpan.to - shownSpan.from)) : ""}
          {hover ? ` · ${hover.text}` : ""}
        </span>
        <span class="grow" />
        <TimelineButtons
          order={hasTasks ? order : null}
          handle={handle}
          address={view ? (to) => rangeAddress(run, to, data, view) : null}
        />
      </div>
      <div
        ref={box}
        class="lanes"
        tabIndex={0}
        role="region"
        aria-label="Timelines of threads and tasks"
        onScroll={() => setScrolled(box.current!.scrollTop)}
      >
        <div style={{ height: `${Math.max(size.room, AXIS + rows.length * tall)}px` }}>
          <div class="lanes-window" style={{ height: `${size.room}px` }}>
            <div class="lane-names">
              {inSight.map((row, index) => (
                <LaneName
                  key={row.key}
                  row={row}
                  on={first + index === hereRow}
                  style={{ height: `${tall}px`, top: `${top + index * tall}px` }}
                  choose={setWanted}
                />
              ))}
            </div>
            <canvas
              ref={canvas}
              role="img"
              style={{ height: `${size.room}px` }}
              aria-label={`${formatPlural(data.threads.length, "thread")}${rows.length > data.threads.length ? ` and ${formatPlural(rows.length - data.threads.length, "task")}` : ""}; this moment is ${formatDuration(whole ? Number(here - whole.from) : 0)} after the start`}
              onWheel={(event) => {
                event.preventDefault();
                if (event.shiftKey) box.current!.scrollTop += event.deltaY || event.deltaX;
                else zoomAt(event.deltaY > 0 ? 1.3 : 1 / 1.3, event.offsetX);
              }}
              onPointerDown={press}
              onPointerMove={pan}
              onPointerUp={release}
              onPointerLeave={() => setHover(null)}
            />
          </div>
        </div>
      </div>
    </section>
  );
}

// The width of the canvas and the height that the lanes have, in px.
function useSize(canvas: { current: HTMLCanvasElement | null }, box: { current: HTMLDivElement | null }) {
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
function useRepaintWithScheme() {
  const [, repaint] = useState(0);
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => repaint((n) => n + 1);
    scheme.addEventListener("change", changed);
    return () => scheme.removeEventListener("change", changed);
  }, []);
}

const RANGE_VIEWS: [string, string][] = [
  ["flame", "Flame graph"],
  ["statistics", "Statistics"],
  ["calls", "Call graph"],
];

// The address of a view for a time range of the run.
function rangeAddress(run: string, to: string, data: RunData, range: Span): string {
  const start = BigInt(data.run.start_ns);
  const sinceStart = (time: bigint) => String(time > start ? time - start : 0n);
  return makeRunAddress(run, to, "", { from: sinceStart(range.from), to: sinceStart(range.to) });
}

// The legend, and the buttons beside it.
function TimelineButtons({
  order,
  handle,
  address,
}: {
  order: TaskOrder | null; // null: the run has no tasks
  handle: { current: TimelineHandle | null };
  address: ((view: string) => string) | null; // of a view for the visible time range; null: the whole run is visible
}) {
  return (
    <>
      <span class="legend" aria-hidden="true">
        <i class="k-call" />
        calls <i class="k-bad" />
        exceptions <i class="k-out" />
        output <i class="k-lost" />
        lost
      </span>
      {order && (
        <select
          aria-label="Asyncio tasks in the timeline"
          title="Show asyncio tasks (k)"
          value={order}
          onChange={(event) => (chosenOrder.value = event.currentTarget.value as TaskOrder)}
        >
          <option value="off">no tasks</option>
          <option value="first">tasks in order</option>
          <option value="busy">busiest tasks first</option>
        </select>
      )}
      <button aria-label="Zoom in" title="Zoom in (+)" onClick={() => handle.current!.zoom(0.4)}>
        +
      </button>
      <button aria-label="Zoom out" title="Zoom out (-)" onClick={() => handle.current!.zoom(2.5)}>
        −
      </button>
      {address &&
        RANGE_VIEWS.map(([view, name]) => (
          <a key={view} class="button" title={`${name} of this time range`} href={address(view)}>
            {name}
          </a>
        ))}
      <button title="Whole run (0)" onClick={() => handle.current!.whole()} disabled={!address}>
        All
      </button>
    </>
  );
}

function LaneName({
  row,
  on,
  style,
  choose,
}: {
  row: LaneRow;
  on: boolean;
  style: { height: string; top: string };
  choose: (row: LaneRow) => void;
}) {
  const name = decodeLine(row.name) || (row.task ? `task ${row.task}` : `thread ${row.thread}`);
  return (
    <button
      class={`lane-name${on ? " on" : ""}${row.task ? " of-task" : ""}`}
      aria-current={on ? "true" : undefined}
      style={style}
      title={`${row.task ? "task " : ""}${name}`}
      onClick={() => choose(row)}
    >
      <bdi>{name}</bdi>
    </button>
  );
}
