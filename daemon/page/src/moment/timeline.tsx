// The timeline: a lane for each thread and task, from the whole run down to single events. The wheel zooms, dragging
// pans, a click goes to the event. Only the lanes in sight are loaded and drawn.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatDuration, formatPlural, decodeLine } from "../data/format";
import type { State } from "../data/moment_state";
import { makeRunAddress } from "../data/route";
import type { RunData } from "../data/run_data";
import type { LaneRow, Span, TaskOrder } from "../data/timeline_data";
import type { EventObject } from "../data/types";
import { AXIS, drawTimeline, makeTicks, type Marks } from "./timeline_draw";
import {
  chosenOrder,
  findRowOf,
  findRowsInSight,
  rotateOrder,
  useFollowMoment,
  useGoToRow,
  usePointer,
  useRepaintWithScheme,
  useRows,
  useRunLanes,
  useSize,
  useViewport,
  useWholeSpan,
  zoomAt,
} from "./timeline_hooks";
import { findX, getLength, type TimeScale } from "./timeline_scale";

export interface TimelineHandle {
  zoom(factor: number): void;
  whole(): void;
  tasks(): void;
}

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
  const viewport = useViewport();
  const { view, setView } = viewport;
  const size = useSize(canvas, box);
  const [scrolled, setScrolled] = useState(0);
  const { rows, order } = useRows(run, data, view);
  const sight = findRowsInSight(rows, size.room, scrolled);
  const lanes = useRunLanes(run, data, sight.rows, view);
  const whole = useWholeSpan(sight.rows, lanes, view);
  useRepaintWithScheme();

  const scale = { shown: view ?? whole, whole, width: size.width };
  const hereRow = findRowOf(rows, state);
  useLayoutEffect(() => {
    if (!scale.shown) return;
    const ticks = makeTicks(Number(scale.shown.from - BigInt(data.run.start_ns)), getLength(scale.shown), size.width);
    const marks = makeMarks(scale, state, rows[hereRow], found);
    drawTimeline(canvas.current!, sight, lanes, scale.shown, marks, ticks);
  });
  handle.current = {
    zoom: (factor) => {
      const x = findX(scale, BigInt(state.time_ns));
      zoomAt(viewport, scale, factor, Math.min(Math.max(x, 0), size.width));
    },
    whole: () => setView(null),
    tasks: () => rotateOrder(order),
  };
  useFollowMoment(state, viewport, whole, box, { row: hereRow, tall: sight.tall, room: size.room });
  const goToRow = useGoToRow(run, state, lanes);
  const pointer = usePointer(run, viewport, scale, sight, lanes);

  return (
    <section class="panel timeline" aria-label="Timeline">
      <div class="panel-head">
        <h2>Timeline</h2>
        <span class="quiet">
          {scale.shown ? formatDuration(getLength(scale.shown)) : ""}
          {pointer.hover ? ` · ${pointer.hover}` : ""}
        </span>
        <span class="grow" />
        <TimelineButtons
          order={order}
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
        <div style={{ height: `${Math.max(size.room, AXIS + rows.length * sight.tall)}px` }}>
          <div class="lanes-window" style={{ height: `${size.room}px` }}>
            <LaneNames sight={sight} hereRow={hereRow} choose={goToRow} />
            <canvas
              ref={canvas}
              role="img"
              style={{ height: `${size.room}px` }}
              aria-label={describeTimeline(data.threads.length, rows.length, state, whole)}
              onWheel={(event) => {
                event.preventDefault();
                if (event.shiftKey) box.current!.scrollTop += event.deltaY || event.deltaX;
                else zoomAt(viewport, scale, event.deltaY > 0 ? 1.3 : 1 / 1.3, event.offsetX);
              }}
              onPointerDown={pointer.press}
              onPointerMove={pointer.move}
              onPointerUp={pointer.release}
              onPointerLeave={pointer.leave}
            />
          </div>
        </div>
      </div>
    </section>
  );
}

// The marks of the moment, on its row, and of the events that a search found.
function makeMarks(scale: TimeScale, state: State, row: LaneRow | undefined, found: EventObject[]): Marks {
  return {
    at: findX(scale, BigInt(state.time_ns)),
    thread: state.thread,
    task: row?.task ?? 0,
    found: found.map((one) => ({
      thread: one.thread,
      task: one.task ?? 0,
      x: findX(scale, BigInt(one.time_ns)),
    })),
  };
}

// The canvas in words, for those who cannot see it.
function describeTimeline(threads: number, rows: number, state: State, whole: Span | null): string {
  const tasks = rows > threads ? ` and ${formatPlural(rows - threads, "task")}` : "";
  const since = formatDuration(whole ? Number(BigInt(state.time_ns) - whole.from) : 0);
  return `${formatPlural(threads, "thread")}${tasks}; this moment is ${since} after the start`;
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

// The names of the rows in sight, beside their lanes.
function LaneNames({
  sight,
  hereRow,
  choose,
}: {
  sight: ReturnType<typeof findRowsInSight>;
  hereRow: number;
  choose: (row: LaneRow) => void;
}) {
  return (
    <div class="lane-names">
      {sight.rows.map((row, index) => (
        <LaneName
          key={row.key}
          row={row}
          on={sight.first + index === hereRow}
          style={{ height: `${sight.tall}px`, top: `${sight.top + index * sight.tall}px` }}
          choose={choose}
        />
      ))}
    </div>
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
