// The visible time range of the timeline, its pixels, and the ranges that zooming and panning lead to.
import type { Span } from "../data/timeline_data";

const SHORTEST = 200; // ns; zooming in ends at this length

export interface TimeScale {
  shown: Span | null; // the visible time range; null: no lane has arrived
  whole: Span | null; // the time range of the run; null: no lane has arrived
  width: number; // of the canvas, px
}

export const getLength = (span: Span) => Number(span.to - span.from);

// The x of a time, which may be left or right of the canvas; 0 while no lane has arrived.
export function findX({ shown, width }: TimeScale, time: bigint): number {
  return shown ? (Number(time - shown.from) / Math.max(1, getLength(shown))) * width : 0;
}

// The range after zooming around a point, which is a fraction of the visible range; null: the whole run.
export function zoomSpan(shown: Span, whole: Span, factor: number, point: number): Span | null {
  const length = getLength(shown),
    longest = getLength(whole);
  const next = Math.min(Math.max(length * factor, SHORTEST), longest);
  if (next >= longest) return null;
  const at = Number(shown.from - whole.from) + point * length;
  const from = Math.max(0, Math.min(at - point * next, longest - next));
  return { from: whole.from + BigInt(Math.round(from)), to: whole.from + BigInt(Math.round(from + next)) };
}

// The range after dragging `held` to the right by a fraction of its length. It stays within the run.
export function panSpan(held: Span, whole: Span, fraction: number): Span {
  const length = held.to - held.from;
  let from = held.from - BigInt(Math.round(fraction * Number(length)));
  if (from < whole.from) from = whole.from;
  if (from + length > whole.to) from = whole.to - length;
  return { from, to: from + length };
}

// A range as long as `shown` with `time` in its middle. It does not begin before the run.
export function centerSpan(shown: Span, whole: Span, time: bigint): Span {
  const length = shown.to - shown.from;
  let from = time - length / 2n;
  if (from < whole.from) from = whole.from;
  return { from, to: from + length };
}
