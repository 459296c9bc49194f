// The current moment: the state of one thread at one event, and the moves from there.
import { effect, signal } from "@preact/signals";
import { getBackend, say, sayError } from "./app_state";
import type { Stream } from "./backend";
import { decodeText } from "./format";
import { route, go, makeRunAddress } from "./route";
import type { EventObject, Text, Value } from "./types";
import type { Fields } from "./wire_json";

export interface Frame {
  frame: number;
  depth: number;
  function?: Text;
  source?: number;
  file?: Text;
  line?: number;
  text?: Text;
  variables?: Record<string, Value> | [Value, Value][];
  written?: Record<string, string>;
}
export interface OtherThread {
  process: number;
  thread: number;
  name: Text;
  ended: boolean;
  position: string;
  time_ns: string;
  event: string;
  frames: Frame[];
}
export interface State {
  position: string;
  process: number;
  thread: number;
  seq: number;
  time_ns: string;
  name: Text;
  last_seq: number;
  event: EventObject;
  frames: Frame[];
  frames_omitted: number;
  frames_unknown: number;
  threads: OtherThread[];
  output: { position: string; stream: string; text: Text }[];
  output_cut: boolean;
}
export interface StepTo {
  position: string;
  thread: number;
  seq: number;
  line?: number;
}

// The variables as pairs. A name that cannot be a JSON key arrives in a pair already.
export function listVariables(frame: Frame): [string, Value][] {
  const all = frame.variables ?? {};
  if (Array.isArray(all)) return all.map(([name, value]) => [decodeText(name as never), value]);
  return Object.entries(all);
}

export const chosenVariable = signal<{ name: string; frame: number } | null>(null);
export const chosenLine = signal<{ file: string; line: number } | null>(null);
export const moving = signal(false);

export interface Loading {
  state: Promise<State>;
  close(): void;
}
// Requests the state at a place on its own stream; close() cancels the request.
export function loadState(run: string, at: string): Loading {
  const list: State[] = [];
  const stream = getBackend().stream("state", { run, at, output: 200 }, (state) => list.push(state));
  const state = stream.done.then(() => {
    if (list.length === 0) throw new Error("no event is recorded at this position");
    return list[0];
  });
  state.catch(() => undefined);
  return { state, close: () => stream.close() };
}

// The state at the address is requested together with the run itself, not after it.
let ahead: { run: string; at: string; loading: Loading } | null = null;
export function loadAhead(run: string, at: string) {
  ahead?.loading.close();
  ahead = { run, at, loading: loadState(run, at) };
}
export function takeAhead(run: string, at: string): Loading | null {
  const found = ahead;
  ahead = null;
  if (found?.run === run && found.at === at) return found.loading;
  found?.loading.close();
  return null;
}

export const goTo = (run: string, position: string, replace = false) =>
  go(makeRunAddress(run, "", position), replace);

const NOTHING: Record<string, string> = {
  next: "this is the thread's last event",
  previous: "this is the thread's first event",
  over: "this is the thread's last event",
  "back-over": "this is the thread's first event",
  out: "this function has no recorded caller",
  "back-out": "this function has no recorded caller",
};

let going: Stream | null = null;
// Navigation elsewhere cancels a move that is under way.
effect(() => {
  if (route.value) going?.close();
  going = null;
});

// Moves to the event that a step finds, or shows a notice when there is none. Moves do not overlap, so held keys do not
// pile up.
export async function move(run: string, from: string, kind: string, fields: Fields = {}) {
  if (moving.value) return;
  moving.value = true;
  const found: StepTo[] = [];
  const stream = getBackend().stream("step", { run, from, kind, ...fields }, (step) => found.push(step));
  going = stream;
  try {
    await stream.done;
    if (going !== stream) return;
    if (found[0]) goTo(run, found[0].position);
    else say(NOTHING[kind] ?? `no ${kind.startsWith("previous") ? "earlier" : "later"} one in this thread`);
  } catch (error) {
    if (going === stream) sayError(error);
  } finally {
    moving.value = false;
  }
}
