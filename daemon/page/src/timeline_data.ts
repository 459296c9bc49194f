// What the timeline shows: per thread, how much happened when. Asked again for each stretch that is looked at.
import { backend } from "./app_state";

export interface Lane {
  process: number;
  thread: number;
  from_ns: string;
  to_ns: string;
  exact: boolean;        // each event was counted; else chunks were spread over their time
  events: number[];      // by bucket
  exceptions: number[];
  output: number[];
  lost: number[];
  seq: number[];         // first event in the bucket, 0 = none
  single?: [number, number, string, number][]; // seq, ns since from_ns, kind, depth: where there are few
}

export interface Span { from: bigint; to: bigint }

export async function loadLanes(run: string, span: Span | null, buckets: number): Promise<Lane[]> {
  const fields: Record<string, unknown> = { run, buckets };
  if (span) {
    fields.from_ns = span.from;
    fields.to_ns = span.to;
  }
  return backend().list<Lane>("timeline", fields);
}

export const spanOf = (lanes: Lane[]): Span | null =>
  lanes.length > 0 ? { from: BigInt(lanes[0].from_ns), to: BigInt(lanes[0].to_ns) } : null;

// The event nearest to a bucket that has events at all.
export function nearestSeq(lane: Lane, bucket: number): number {
  for (let away = 0; away < lane.seq.length; away++) {
    for (const at of [bucket - away, bucket + away]) {
      if (lane.seq[at] > 0) return lane.seq[at];
    }
  }
  return 0;
}
