// The flame graph: a box is all calls of one function from one stack, its width is their time or number.
import { useMemo, useState } from "preact/hooks";
import { formatCount, formatDuration, decodeLine, baseName } from "../data/format";
import { route, makeRunAddress } from "../data/route";
import { measureGrowth, type RunData } from "../data/run_data";
import type { Text } from "../data/types";
import { useList } from "../data/use_list";
import { PartNote, setQuery, SpanChip, makeSpanFields, ThreadChoice, Trouble } from "../parts/view_parts";

interface Node {
  node: number;
  parent: number | null;
  depth: number;
  function: Text;
  file: Text | null;
  line: number | null;
  calls: number;
  own_ns: number;
  cumulative_ns: number;
}
interface Box {
  node: Node;
  left: number;
  width: number;
  row: number;
}
const ROW = 22;
const LEAST = 0.0012; // fraction of the width below which a box is not drawn

export function FlameView({ data }: { data: RunData }) {
  const id = data.run.id;
  const query = route.value.query;
  const thread = Number(query.get("thread")) || undefined;
  const by = query.get("by") === "calls" ? "calls" : "time";
  const span = makeSpanFields(data);
  const { items, end, error } = useList<Node>(
    `${id}/${thread}/${by}/${span.from_ns}/${span.to_ns}`,
    "calls",
    { run: id, thread, by: by === "calls" ? "count" : "time", least: 1, ...span },
    measureGrowth(data.run),
  );
  const [zoomed, setZoomed] = useState<number | null>(null);
  const [over, setOver] = useState<Node | null>(null);
  const [find, setFind] = useState("");
  const weight = (node: Node) => (by === "calls" ? node.calls : node.cumulative_ns);
  const { boxes, rows, path } = useMemo(() => layOut(items, zoomed, weight), [items, zoomed, by]);
  const total = items.filter((one) => one.parent === null).reduce((sum, one) => sum + weight(one), 0) || 1;
  const text = (node: Node) =>
    `${decodeLine(node.function)} · ${by === "calls" ? `${formatCount(node.calls)} calls` : formatDuration(node.cumulative_ns)} · ${((100 * weight(node)) / total).toFixed(1)} %`;
  return (
    <main class="view">
      <div class="view-bar">
        <h2>Flame graph</h2>
        <ThreadChoice data={data} />
        <SpanChip />
        <div class="chips" role="group" aria-label="Width shows">
          <button aria-pressed={by === "time"} onClick={() => setQuery({ by: "" })}>
            time
          </button>
          <button aria-pressed={by === "calls"} onClick={() => setQuery({ by: "calls" })}>
            calls
          </button>
        </div>
        <input
          type="search"
          placeholder="highlight functions"
          aria-label="Highlight functions"
          value={find}
          onInput={(event) => setFind(event.currentTarget.value)}
        />
        <span class="quiet" role="status">
          {over
            ? `${text(over)} · own ${formatDuration(over.own_ns)} · ${baseName(decodeLine(over.file))}:${over.line}`
            : end
              ? "click to zoom, again to reset"
              : "counting …"}
        </span>
        <span class="grow" />
        {zoomed !== null && <button onClick={() => setZoomed(null)}>Reset zoom</button>}
      </div>
      <PartNote data={data} calls />
      <Trouble error={error} />
      {end && items.length === 0 && <p class="pad quiet">No recorded calls</p>}
      <div class="flame-box" role="region" aria-label="Flame graph" tabIndex={0}>
        <div class="flame" style={{ height: `${rows * ROW}px` }}>
          {boxes.map(({ node, left, width, row }) => (
            <button
              key={node.node}
              class={`flame-cell${path.has(node.node) ? " above" : ""}${find && decodeLine(node.function).toLowerCase().includes(find.toLowerCase()) ? " marked" : ""}`}
              style={
                {
                  left: `${left * 100}%`,
                  width: `max(1px, calc(${width * 100}% - 1px))`,
                  top: `${row * ROW}px`,
                  "--hue": chooseHue(node),
                } as never
              }
              title={text(node)}
              aria-label={text(node)}
              onMouseEnter={() => setOver(node)}
              onFocus={() => setOver(node)}
              onClick={() => setZoomed(zoomed === node.node ? node.parent : node.node)}
            >
              {width > 0.02 ? <bdi>{decodeLine(node.function)}</bdi> : ""}
            </button>
          ))}
        </div>
      </div>
      {zoomed !== null && (
        <p class="pad">
          <a
            href={makeRunAddress(id, "search", "", {
              where: `event == call and function == ${JSON.stringify(decodeLine(items.find((one) => one.node === zoomed)?.function))}`,
            })}
          >
            Find the calls of <bdi>{decodeLine(items.find((one) => one.node === zoomed)?.function)}</bdi>
          </a>
        </p>
      )}
    </main>
  );
}

const chooseHue = (node: Node) => {
  let hash = 0;
  for (const c of decodeLine(node.function)) hash = (hash * 31 + c.charCodeAt(0)) % 360;
  return 14 + (hash % 34);
};

function layOut(items: Node[], zoomed: number | null, weight: (node: Node) => number) {
  const byNode = new Map(items.map((one) => [one.node, one]));
  const children = new Map<number | null, Node[]>();
  for (const one of items) {
    const list = children.get(one.parent);
    if (list) list.push(one);
    else children.set(one.parent, [one]);
  }
  const boxes: Box[] = [];
  const path = new Set<number>();
  let row = 0;
  const above: Node[] = [];
  for (
    let at = zoomed === null ? undefined : byNode.get(byNode.get(zoomed)?.parent ?? -1);
    at;
    at = at.parent === null ? undefined : byNode.get(at.parent)
  )
    above.unshift(at);
  for (const node of above) {
    path.add(node.node);
    boxes.push({ node, left: 0, width: 1, row: row++ });
  }
  let rows = row;
  const placeBoxes = (nodes: Node[], left: number, width: number, whole: number, at: number) => {
    for (const node of nodes) {
      const part = (width * weight(node)) / Math.max(1, whole);
      if (part >= LEAST) {
        boxes.push({ node, left, width: part, row: at });
        rows = Math.max(rows, at + 1);
        const below = children.get(node.node) ?? [];
        const sum = below.reduce((total, one) => total + weight(one), 0);
        placeBoxes(below, left, part, Math.max(weight(node), sum), at + 1);
      }
      left += part;
    }
  };
  const roots = zoomed !== null && byNode.has(zoomed) ? [byNode.get(zoomed)!] : (children.get(null) ?? []);
  placeBoxes(
    roots,
    0,
    1,
    roots.reduce((sum, one) => sum + weight(one), 0),
    row,
  );
  return { boxes: boxes.slice(0, 6000), rows, path };
}
