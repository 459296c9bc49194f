// The call graph: functions are boxes, calls are arrows, dagre lays them out.
import dagre from "@dagrejs/dagre";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatDuration, formatPlural, decodeLine } from "../data/format";
import { route, makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import type { FunctionStats } from "./statistics";
import { useList } from "../data/use_list";
import { PartNote, setQuery, SpanChip, makeSpanFields, ThreadChoice, Trouble } from "../parts/view_parts";

const SIZES = [20, 40, 80, 150];
const WIDTH = 190,
  HEIGHT = 46;
const makeKey = (one: { file: unknown; line: unknown; function: unknown }) =>
  `${decodeLine(one.file as never)}|${one.line}|${decodeLine(one.function as never)}`;

export function CallGraphView({ data }: { data: RunData }) {
  const id = data.run.id;
  const query = route.value.query;
  const thread = Number(query.get("thread")) || undefined;
  const most = Number(query.get("most")) || 20;
  const span = makeSpanFields(data);
  const { items, end, error } = useList<FunctionStats>(
    `${id}/${thread}/${span.from_ns}/${span.to_ns}`,
    "stats",
    { run: id, thread, callers: true, ...span },
    measureGrowth(data.run),
  );
  const [zoom, setZoom] = useState(1);
  const box = useRef<HTMLDivElement>(null);
  const graph = useMemo(() => (end ? layOut(items, most) : null), [items, end, most]);
  // The first zoom shows the whole graph, but never below 80 %, where text stops being readable.
  useLayoutEffect(() => {
    if (!graph || !box.current) return;
    const fits = Math.min(box.current.clientWidth / graph.width, box.current.clientHeight / graph.height);
    setZoom(Math.min(1, Math.max(0.8, fits)));
  }, [graph]);
  const heaviest = Math.max(1, ...items.map((one) => one.cumulative_ns));
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Call graph</h2>
        <ThreadChoice data={data} />
        <SpanChip />
        <label class="choice">
          Functions{" "}
          <select value={most} onChange={(event) => setQuery({ most: event.currentTarget.value })}>
            {SIZES.map((one) => (
              <option key={one} value={one}>
                the {one} slowest
              </option>
            ))}
          </select>
        </label>
        <span class="quiet">{end ? `${formatPlural(items.length, "function")} in total` : "counting …"}</span>
        <span class="grow" />
        <button aria-label="Zoom out" title="Zoom out" onClick={() => setZoom(Math.max(0.2, zoom / 1.25))}>
          −
        </button>
        <button title="Reset zoom" onClick={() => setZoom(1)}>
          {Math.round(zoom * 100)} %
        </button>
        <button aria-label="Zoom in" title="Zoom in" onClick={() => setZoom(Math.min(3, zoom * 1.25))}>
          +
        </button>
      </div>
      <PartNote data={data} calls />
      <Trouble error={error} />
      {end && items.length === 0 && <p class="pad quiet">No recorded calls</p>}
      <div ref={box} class="graph-box" role="region" aria-label="Call graph" tabIndex={0}>
        {graph && <Graph run={id} graph={graph} zoom={zoom} heaviest={heaviest} />}
      </div>
    </main>
  );
}

function Graph({
  run,
  graph,
  zoom,
  heaviest,
}: {
  run: string;
  graph: ReturnType<typeof layOut>;
  zoom: number;
  heaviest: number; // cumulative_ns of the slowest function
}) {
  const [over, setOver] = useState(""); // key of the function under the pointer
  return (
    <svg
      class="graph"
      width={graph.width * zoom}
      height={graph.height * zoom}
      viewBox={`0 0 ${graph.width} ${graph.height}`}
      role="group"
      aria-label="Functions and their callers"
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="9"
          markerHeight="9"
          orient="auto-start-reverse"
          markerUnits="userSpaceOnUse"
        >
          <path d="M0 0 8 4 0 8z" class="arrow-head" />
        </marker>
      </defs>
      {graph.edges.map((edge, index) => {
        const on = over !== "" && (edge.from === over || edge.to === over);
        return (
          <g key={index} class={on ? "edge on" : over ? "edge off" : "edge"}>
            <path d={edge.path} marker-end="url(#arrow)" style={{ strokeWidth: 1 + 2.5 * edge.part }} />
            <text x={edge.x} y={edge.y}>
              {formatCount(edge.calls)}
            </text>
          </g>
        );
      })}
      {graph.nodes.map((node) => (
        <a
          key={node.key}
          href={makeRunAddress(run, "search", "", {
            where: `event == call and function == ${JSON.stringify(decodeLine(node.one.function))}`,
          })}
          onMouseEnter={() => setOver(node.key)}
          onMouseLeave={() => setOver("")}
          onFocus={() => setOver(node.key)}
          onBlur={() => setOver("")}
        >
          <g class="fn-node" transform={`translate(${node.x - WIDTH / 2} ${node.y - HEIGHT / 2})`}>
            <rect width={WIDTH} height={HEIGHT} rx="9" />
            <rect
              class="heat"
              width={Math.max(6, WIDTH * (node.one.cumulative_ns / heaviest))}
              height="4"
              y={HEIGHT - 4}
              rx="2"
            />
            <text x="10" y="18" class="fn-title">
              {clip(decodeLine(node.one.function), 23)}
            </text>
            <text x="10" y="34">
              {formatCount(node.one.calls)} × · {formatDuration(node.one.cumulative_ns)} · own{" "}
              {formatDuration(node.one.own_ns)}
            </text>
          </g>
        </a>
      ))}
    </svg>
  );
}

const clip = (text: string, room: number) => (text.length > room ? `…${text.slice(text.length - room + 1)}` : text);

function layOut(items: FunctionStats[], most: number) {
  const chosen = [...items].sort((a, b) => b.cumulative_ns - a.cumulative_ns).slice(0, most);
  const keys = new Set(chosen.map(makeKey));
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 70, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const one of chosen) graph.setNode(makeKey(one), { width: WIDTH, height: HEIGHT, one });
  const calls = new Map<string, number>();
  for (const one of chosen) {
    for (const caller of one.callers ?? []) {
      const from = makeKey(caller);
      if (!keys.has(from)) continue;
      graph.setEdge(from, makeKey(one), { calls: caller.calls, time: caller.cumulative_ns });
      calls.set(`${from}>${makeKey(one)}`, caller.calls);
    }
  }
  dagre.layout(graph);
  const heaviest = Math.max(1, ...graph.edges().map((edge) => (graph.edge(edge) as any).time ?? 0));
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.max(size.width ?? 0, 100),
    height: Math.max(size.height ?? 0, 60),
    nodes: graph
      .nodes()
      .map((key) => ({ key, ...(graph.node(key) as any as { x: number; y: number; one: FunctionStats }) })),
    edges: graph.edges().map((edge) => {
      const label = graph.edge(edge) as any;
      const points: { x: number; y: number }[] = label.points ?? [];
      const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
      return {
        from: edge.v,
        to: edge.w,
        calls: label.calls as number,
        part: (label.time ?? 0) / heaviest,
        x: middle.x + 5,
        y: middle.y,
        path: points
          .map((point, at) => `${at === 0 ? "M" : "L"}${point.x.toFixed(1)} ${point.y.toFixed(1)}`)
          .join(" "),
      };
    }),
  };
}
