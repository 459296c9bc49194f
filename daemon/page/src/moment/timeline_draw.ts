// Draws the lanes of the timeline on a canvas.
import { formatCount } from "../data/format";
import type { Lane, LaneRow, Span } from "../data/timeline_data";

export interface Colors {
  ink: string;
  faint: string;
  line: string;
  density: string[];
  bad: string;
  out: string;
  lost: string;
  accent: string;
  paper: string;
  call: string;
}
export const AXIS = 20;

function readColors(element: Element): Colors {
  const style = getComputedStyle(element);
  const get = (name: string) => style.getPropertyValue(name).trim();
  return {
    ink: get("--ink"),
    faint: get("--faint"),
    line: get("--line"),
    bad: get("--bad"),
    out: get("--out"),
    lost: get("--lost"),
    accent: get("--accent-fill"),
    paper: get("--raised"),
    call: get("--call"),
    density: [0, 1, 2, 3, 4, 5].map((n) => get(`--lane-${n}`)),
  };
}

export interface Marks {
  at: number | null;
  thread: number;
  task: number;
  found: { thread: number; task: number; x: number }[];
}
// The rows in sight. The first begins `top` px below the upper edge (negative: partly out of sight); each is `tall` px.
export interface Rows {
  rows: LaneRow[];
  top: number;
  tall: number;
}

export function drawTimeline(
  canvas: HTMLCanvasElement,
  { rows, top, tall }: Rows,
  lanes: Map<string, Lane>,
  view: Span,
  marks: Marks,
  ticks: { x: number; text: string }[],
) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth,
    height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d")!;
  const colors = readColors(canvas);
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  g.strokeStyle = colors.line;
  g.fillStyle = colors.faint;
  for (const tick of ticks) {
    g.beginPath();
    g.moveTo(tick.x + 0.5, 0);
    g.lineTo(tick.x + 0.5, height);
    g.stroke();
    g.fillText(tick.text, tick.x + 4, 13);
  }
  g.save();
  g.beginPath();
  g.rect(0, AXIS, width, height);
  g.clip();
  const length = Math.max(1, Number(view.to - view.from));
  rows.forEach((row, index) => {
    const at = top + index * tall;
    const here = row.thread === marks.thread && row.task === marks.task;
    const lane = lanes.get(row.key);
    drawGround(g, at, tall, width, colors, here);
    if (!lane) return;
    // Until the lanes of a new time range arrive, the previous ones are drawn moved and scaled.
    const scale = Number(BigInt(lane.to_ns) - BigInt(lane.from_ns)) / length;
    const shift = (Number(BigInt(lane.from_ns) - view.from) / length) * width;
    drawLane(g, lane, at, tall, width, colors, shift, scale);
  });
  for (const one of marks.found) {
    rows.forEach((row, index) => {
      if (row.thread !== one.thread || (row.task !== 0 && row.task !== one.task)) return;
      g.fillStyle = colors.accent;
      g.strokeStyle = colors.ink;
      g.beginPath();
      g.arc(one.x, top + index * tall + 6, 3.5, 0, 7);
      g.fill();
      g.stroke();
    });
  }
  g.restore();
  if (marks.at !== null && marks.at >= -2 && marks.at <= width + 2) {
    g.fillStyle = colors.accent;
    g.fillRect(Math.round(marks.at) - 1, 0, 3, height);
    g.beginPath();
    g.moveTo(marks.at - 6, 0);
    g.lineTo(marks.at + 7, 0);
    g.lineTo(marks.at + 0.5, 9);
    g.fill();
  }
}

// Draws the background of a lane, loaded or not.
function drawGround(
  g: CanvasRenderingContext2D,
  top: number,
  laneHeight: number,
  width: number,
  colors: Colors,
  here: boolean,
) {
  if (here) {
    g.globalAlpha = 0.09;
    g.fillStyle = colors.accent;
    g.fillRect(0, top, width, laneHeight);
    g.globalAlpha = 1;
  }
  g.strokeStyle = colors.line;
  g.beginPath();
  g.moveTo(0, top + laneHeight - 0.5);
  g.lineTo(width, top + laneHeight - 0.5);
  g.stroke();
}

function drawLane(
  g: CanvasRenderingContext2D,
  lane: Lane,
  top: number,
  laneHeight: number,
  width: number,
  colors: Colors,
  shift: number,
  scale: number,
) {
  const color = colors.density[lane.thread % colors.density.length];
  const bottom = top + laneHeight - 5,
    room = laneHeight - 11;
  const n = lane.events.length;
  const x = (bucket: number) => (bucket / n) * width * scale + shift;
  const most = Math.max(1, ...lane.events);
  if (lane.single) {
    const span = Number(BigInt(lane.to_ns) - BigInt(lane.from_ns)) || 1;
    const deepest = Math.max(1, ...lane.single.map((one) => one[3]));
    for (const [, offset, kind, depth] of lane.single) {
      const at = (offset / span) * width * scale + shift;
      const h = 6 + (room - 6) * (depth / deepest);
      g.fillStyle =
        kind === "raise" || kind === "unwind"
          ? colors.bad
          : kind === "stdout" || kind === "stderr"
            ? colors.out
            : kind === "call"
              ? colors.call
              : color;
      g.fillRect(at - 1, bottom - h, 2, h);
    }
  } else {
    g.fillStyle = color;
    g.beginPath();
    g.moveTo(x(0), bottom);
    for (let bucket = 0; bucket < n; bucket++) {
      const h = lane.events[bucket] > 0 ? Math.max(2, room * Math.sqrt(lane.events[bucket] / most)) : 0;
      g.lineTo(x(bucket), bottom - h);
      g.lineTo(x(bucket + 1), bottom - h);
    }
    g.lineTo(x(n), bottom);
    g.fill();
  }
  drawLost(g, lane, top, laneHeight, x, colors);
  const wide = Math.max(1.5, (width / n) * scale);
  for (let bucket = 0; bucket < n; bucket++) {
    if (lane.exceptions[bucket] > 0 && !lane.single) {
      g.fillStyle = colors.bad;
      g.fillRect(x(bucket), top + 3, Math.max(wide, 2), 6);
    }
    if (lane.output[bucket] > 0 && !lane.single) {
      g.fillStyle = colors.out;
      g.fillRect(x(bucket), bottom + 1, Math.max(wide, 2), 3);
    }
  }
}

// Draws time ranges with lost events shaded, with the number of lost events where it fits.
function drawLost(
  g: CanvasRenderingContext2D,
  lane: Lane,
  top: number,
  laneHeight: number,
  x: (bucket: number) => number,
  colors: Colors,
) {
  for (let from = 0, to = 0; from < lane.lost.length; from = to + 1) {
    for (to = from; to < lane.lost.length && lane.lost[to] > 0; to++);
    if (to === from) continue;
    const left = x(from),
      width = Math.max(3, x(to) - left),
      height = laneHeight - 8;
    g.save();
    g.beginPath();
    g.rect(left, top + 3, width, height);
    g.clip();
    g.fillStyle = colors.paper;
    g.globalAlpha = 0.75;
    g.fillRect(left, top + 3, width, height);
    g.globalAlpha = 0.45;
    g.strokeStyle = colors.lost;
    g.lineWidth = 2;
    g.beginPath();
    for (let at = -height; at < width; at += 8) {
      g.moveTo(left + at, top + 3 + height);
      g.lineTo(left + at + height, top + 3);
    }
    g.stroke();
    g.restore();
    const text = `${formatCount(lane.lost.slice(from, to).reduce((sum, one) => sum + one, 0))} lost`;
    const room = g.measureText(text).width + 12;
    if (room > width - 8) continue;
    g.fillStyle = colors.paper;
    g.fillRect(left + (width - room) / 2, top + 3 + height / 2 - 9, room, 18);
    g.fillStyle = colors.lost;
    g.fillText(text, left + (width - room) / 2 + 6, top + 3 + height / 2 + 4);
  }
}

const UNITS: [number, string][] = [
  [60e9, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

// The times along the axis at round distances, with enough digits to distinguish neighbours.
export function makeTicks(fromNs: number, spanNs: number, width: number): { x: number; text: string }[] {
  const wanted = spanNs / Math.max(2, width / 130);
  const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= wanted) ?? power * 10;
  const [unit, name] = UNITS.find(([ns]) => fromNs + spanNs >= ns * 2) ?? UNITS[UNITS.length - 1];
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  const out = [];
  for (let at = Math.ceil(fromNs / step) * step; at <= fromNs + spanNs && out.length < 60; at += step) {
    out.push({ x: ((at - fromNs) / spanNs) * width, text: `${(at / unit).toFixed(digits)} ${name}` });
  }
  return out;
}
