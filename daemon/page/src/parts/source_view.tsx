// A source with the current line, marks, and values beside the lines. The document holds only the rows near the view.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatPlural, escapeHidden } from "../data/format";
import { highlight } from "./highlight";

export const ROW = 21; // height of a line in px; the style sheet has the same
const AROUND = 30; // rows in the document above and below the visible ones

export interface LineNotes {
  executed?: Map<number, number>; // line → number of times it ran in this call so far
  values?: Map<number, { name: string; text: string; fresh: boolean }[]>; // line → values shown beside it
  hits?: Map<number, number>; // line → number of times it ran in the whole run
}

export function SourceView({
  lines,
  current,
  chosen,
  notes,
  raised,
  onLine,
  label,
}: {
  lines: string[];
  current?: number;
  chosen?: number | null;
  notes?: LineNotes;
  raised?: boolean;
  onLine?: (line: number) => void;
  label: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    const element = box.current!;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    setHeight(element.clientHeight);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current!;
    if (!current) return;
    const at = (current - 1) * ROW;
    if (at < element.scrollTop + ROW * 2 || at > element.scrollTop + element.clientHeight - ROW * 4) {
      element.scrollTop = Math.max(0, at - element.clientHeight * 0.4);
      setTop(element.scrollTop);
    }
  }, [current, lines]);
  const pieces = highlight(lines);
  const first = Math.max(0, Math.floor(top / ROW) - AROUND);
  const last = Math.min(lines.length, Math.ceil((top + height) / ROW) + AROUND);
  const rows = [];
  for (let index = first; index < last; index++) {
    rows.push(
      <Row
        key={index}
        line={index + 1}
        pieces={pieces[index] ?? []}
        current={current}
        chosen={chosen}
        notes={notes}
        raised={raised}
        onLine={onLine}
      />,
    );
  }
  return (
    <div
      ref={box}
      class="source"
      role="region"
      aria-label={label}
      tabIndex={0}
      onScroll={() => setTop(box.current!.scrollTop)}
    >
      <div class="source-all" style={{ height: `${lines.length * ROW}px` }}>
        <div class="source-rows" style={{ transform: `translateY(${first * ROW}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

function Row({
  line,
  pieces,
  current,
  chosen,
  notes,
  raised,
  onLine,
}: {
  line: number;
  pieces: { text: string; style: string }[];
  current?: number;
  chosen?: number | null;
  notes?: LineNotes;
  raised?: boolean;
  onLine?: (line: number) => void;
}) {
  const runs = notes?.executed?.get(line) ?? 0;
  const hits = notes?.hits?.get(line);
  const values = notes?.values?.get(line);
  const here = line === current;
  const style = `row${here ? (raised ? " here raised" : " here") : ""}${runs > 0 ? " ran" : ""}${line === chosen ? " chosen" : ""}`;
  return (
    <div class={style} aria-current={here ? "step" : undefined}>
      <button
        class="gutter"
        tabIndex={-1}
        title={runs > 0 ? `ran ${runs} × in this call; click to select this line` : "select this line"}
        onClick={() => onLine?.(line)}
      >
        {notes?.hits && (
          <span class="hits" aria-hidden="true">
            {hits ?? ""}
          </span>
        )}
        <span class="ran-mark" aria-hidden="true">
          {runs > 1 ? runs : runs === 1 ? "•" : ""}
        </span>
        <span class="number">
          <span class="hidden">line </span>
          {line}
        </span>
        {(runs > 0 || hits !== undefined) && (
          <span class="hidden">
            , ran {formatPlural(runs || hits!, "time")}
            {runs > 0 ? " in this call" : ""}
          </span>
        )}
      </button>
      <code class="code">
        {here && (
          <span class="pointer" aria-hidden="true">
            ▶
          </span>
        )}
        {pieces.map((piece, index) => (
          <span key={index} class={piece.style}>
            {escapeHidden(piece.text)}
          </span>
        ))}
      </code>
      {values && values.length > 0 && (
        <span class="beside">
          {values.map((one) => (
            <span key={one.name} class={one.fresh ? "pill fresh" : "pill"}>
              <bdi>{one.name}</bdi> <b>=</b> <bdi>{one.text}</bdi>
            </span>
          ))}
        </span>
      )}
    </div>
  );
}
