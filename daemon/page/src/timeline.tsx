// The timeline: a lane per thread from the whole run down to single events. Wheel zooms, dragging pans, a click goes there.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { generation } from "./api";
import { duration, plural, shown } from "./format";
import { goTo, type State } from "./moment_state";
import { runAddress } from "./route";
import type { RunData } from "./run_data";
import { AXIS, drawTimeline, ticksFor } from "./timeline_draw";
import { loadLanes, nearestSeq, spanOf, type Lane, type Span } from "./timeline_data";

const BUCKETS = 600;
const LANE_MOST = 56, LANE_LEAST = 20; // px
export interface TimelineHandle { zoom(factor: number): void; whole(): void }

export function Timeline({ run, data, state, handle, found }: {
  run: string; data: RunData; state: State; handle: { current: TimelineHandle | null };
  found: { thread: number; time_ns: string }[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [whole, setWhole] = useState<Span | null>(null);
  const [view, setView] = useState<Span | null>(null); // null: all of it
  const [lanes, setLanes] = useState<Lane[]>([]);
  const [size, setSize] = useState({ width: 600, room: 120 });
  const [hover, setHover] = useState<{ x: number; text: string } | null>(null);
  const running = data.run.state === "running";
  const tick = running ? data.run.events : 0;
  const drag = useRef<{ x: number; view: Span; moved: boolean } | null>(null);

  useEffect(() => {
    let stop = false;
    const wait = setTimeout(async () => {
      try {
        const next = await loadLanes(run, view, BUCKETS);
        if (stop) return;
        setLanes(next);
        if (!view) setWhole(spanOf(next));
      } catch {
        // away: the lanes stay as they are
      }
    }, lanes.length ? 40 : 0);
    return () => {
      stop = true;
      clearTimeout(wait);
    };
  }, [run, view?.from, view?.to, tick, generation.value]);

  useLayoutEffect(() => {
    const element = canvas.current!;
    const watch = new ResizeObserver(() => setSize({ width: element.clientWidth, room: box.current!.clientHeight }));
    watch.observe(element);
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);

  const tall = Math.min(LANE_MOST, Math.max(LANE_LEAST, Math.floor((size.room - AXIS - 2) / Math.max(1, lanes.length))));
  const shownSpan = view ?? whole;
  const here = BigInt(state.time_ns);
  const xOf = (time: bigint) => shownSpan
    ? (Number(time - shownSpan.from) / Math.max(1, Number(shownSpan.to - shownSpan.from))) * size.width : 0;

  useLayoutEffect(() => {
    if (!shownSpan || lanes.length === 0) return;
    const loaded = spanOf(lanes)!;
    // Until the lanes of a new stretch are there, those of the one before are drawn moved and scaled.
    const scale = Number(loaded.to - loaded.from) / Math.max(1, Number(shownSpan.to - shownSpan.from));
    const shift = xOf(loaded.from);
    const start = BigInt(data.run.start_ns);
    const ticks = ticksFor(Number(shownSpan.from - start), Number(shownSpan.to - shownSpan.from), size.width);
    const marks = found.map((one) => ({ thread: one.thread, x: xOf(BigInt(one.time_ns)) }));
    drawTimeline(canvas.current!, lanes, { at: xOf(here), thread: state.thread, found: marks }, tall, ticks, shift, scale);
  });

  const stretchAddress = (to: string) => {
    const start = BigInt(data.run.start_ns);
    const since = (time: bigint) => String(time > start ? time - start : 0n);
    return runAddress(run, to, "", view ? { from: since(view.from), to: since(view.to) } : {});
  };
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
  };

  // The moment stays in sight when it is moved by keys.
  useEffect(() => {
    if (!view || !whole || drag.current) return;
    if (here >= view.from && here <= view.to) return;
    const span = view.to - view.from;
    let from = here - span / 2n;
    if (from < whole.from) from = whole.from;
    setView({ from, to: from + span });
  }, [state.position]);

  const at = (event: { offsetX: number; offsetY: number }) => {
    const lane = lanes[Math.floor((event.offsetY - AXIS) / tall)];
    if (!lane || !shownSpan) return null;
    const loaded = spanOf(lanes)!;
    const time = Number(shownSpan.from - loaded.from) + (event.offsetX / size.width) * Number(shownSpan.to - shownSpan.from);
    const part = time / Math.max(1, Number(loaded.to - loaded.from));
    if (lane.single && lane.single.length > 0) {
      let best = lane.single[0];
      for (const one of lane.single) if (Math.abs(one[1] - time) < Math.abs(best[1] - time)) best = one;
      return { lane, seq: best[0], kind: best[2], bucket: -1 };
    }
    const bucket = Math.min(lane.events.length - 1, Math.max(0, Math.floor(part * lane.events.length)));
    return { lane, seq: nearestSeq(lane, bucket), kind: "", bucket };
  };

  return (
    <section class="panel timeline" aria-label="Timeline">
      <div class="panel-head">
        <h2>Timeline</h2>
        <span class="quiet">{shownSpan ? duration(Number(shownSpan.to - shownSpan.from)) : ""}
          {hover ? ` · ${hover.text}` : ""}</span>
        <span class="grow" />
        <span class="legend" aria-hidden="true"><i class="k-call" />calls <i class="k-bad" />exceptions <i class="k-out" />output <i class="k-lost" />lost</span>
        <button aria-label="Zoom in" title="Zoom in (+)" onClick={() => handle.current!.zoom(0.4)}>+</button>
        <button aria-label="Zoom out" title="Zoom out (-)" onClick={() => handle.current!.zoom(2.5)}>−</button>
        {view && <a class="button" title="What ran in this stretch, as a flame graph" href={stretchAddress("flame")}>Flame graph</a>}
        {view && <a class="button" title="What ran in this stretch, counted and timed" href={stretchAddress("statistics")}>Statistics</a>}
        <button title="Whole run (0)" onClick={() => setView(null)} disabled={!view}>All</button>
      </div>
      <div ref={box} class="lanes" tabIndex={0} role="region" aria-label="Lanes of threads">
        <div class="lane-names" style={{ paddingTop: `${AXIS}px` }}>
          {lanes.map((lane) => {
            const thread = data.threads.find((one) => one.thread === lane.thread);
            return <div key={lane.thread} class={lane.thread === state.thread ? "lane-name on" : "lane-name"} style={{ height: `${tall}px` }} title={shown(thread?.name)}>
              <bdi>{shown(thread?.name) || `thread ${lane.thread}`}</bdi></div>;
          })}
        </div>
        <canvas ref={canvas} role="img" style={{ height: `${AXIS + lanes.length * tall}px` }}
          aria-label={`${plural(lanes.length, "thread")}; this moment is ${duration(whole ? Number(here - whole.from) : 0)} after the start`}
          onWheel={(event) => { if (event.shiftKey) return; event.preventDefault(); zoomAt(event.deltaY > 0 ? 1.3 : 1 / 1.3, event.offsetX); }}
          onPointerDown={(event) => { if (shownSpan) drag.current = { x: event.clientX, view: shownSpan, moved: false };
            event.currentTarget.setPointerCapture(event.pointerId); }}
          onPointerMove={(event) => {
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
            setHover(over && over.seq > 0 ? { x: event.offsetX,
              text: over.bucket >= 0 ? `${plural(over.lane.events[over.bucket], "event")} here` : `${over.kind} at ${over.lane.thread}:${over.seq}` } : null);
          }}
          onPointerUp={(event) => {
            const held = drag.current;
            drag.current = null;
            if (held?.moved) return;
            const over = at(event);
            if (over && over.seq > 0) goTo(run, `${over.lane.thread}:${over.seq}`);
          }}
          onPointerLeave={() => setHover(null)} />
      </div>
    </section>
  );
}
