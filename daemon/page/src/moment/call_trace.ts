// The current call up to this moment: the lines that ran, the values that they wrote, the calls that they made.
import { useEffect, useState } from "preact/hooks";
import { getBackend } from "../data/app_state";
import { escapeLine, decodeText } from "../data/format";
import { listVariables, type State } from "../data/moment_state";
import { LEAVES, type EventObject, type Value } from "../data/types";
import type { LineNotes } from "../parts/source_view";
import { formatValue } from "../parts/value_text";

const BEFORE = 4000; // events before this moment that are read
const RUN_UP = 500; // events read before those, so that partly changed values are known

export interface MadeCall {
  position: string;
  name: string;
  result: string;
  raised: boolean;
  open: boolean;
  line: number;
}
export interface CallTrace {
  owner: string;
  notes: LineNotes;
  calls: MadeCall[];
  whole: boolean;
}

export function useCallTrace(run: string, state: State | null): CallTrace | null {
  const [trace, setTrace] = useState<CallTrace | null>(null);
  const key = state ? `${run}/${state.position}` : "";
  useEffect(() => {
    if (!state || state.frames.length === 0) {
      setTrace(null);
      return;
    }
    // A stream of its own: source and timeline do not wait for it, and moving on cancels it.
    const from = Math.max(1, state.seq - BEFORE);
    const events: EventObject[] = [];
    const stream = getBackend().stream(
      "replay",
      { run, from: `${state.thread}:${from}`, to: state.seq, run_up: RUN_UP, frame: state.frames[0].frame },
      (event) => events.push(event),
    );
    let stop = false;
    stream.done.then(
      () => !stop && setTrace(makeTrace(makeOwnerKey(run, state), state, events)),
      () => undefined,
    );
    return () => {
      stop = true;
      stream.close();
    };
  }, [key]);
  // The trace of another call is never shown. The trace of the same call at the previous moment avoids a flicker.
  return trace && state && trace.owner === makeOwnerKey(run, state) ? trace : null;
}

const makeOwnerKey = (run: string, state: State) => `${run}/${state.thread}/${state.frames[0]?.frame}`;

function makeTrace(owner: string, state: State, events: EventObject[]): CallTrace {
  const frame = state.frames[0].frame;
  const executed = new Map<number, number>();
  const written = new Map<number, Map<string, Write>>(); // line → name → its last write by that line
  const calls: MadeCall[] = [];
  const open = new Map<number, MadeCall>();
  let whole = false;
  let running = 0; // the line that the next changes belong to
  for (const event of events) {
    if (event.frame === frame) {
      if (event.event === "call") {
        whole = true;
        running = event.line ?? 0;
      }
      const names = Object.entries(event.changed ?? {});
      if (names.length > 0 && running > 0) {
        let at = written.get(running);
        if (!at) written.set(running, (at = new Map()));
        for (const [name, value] of names) at.set(name, { value, position: `${event.thread}:${event.seq}` });
      }
      if (event.event === "line" && event.line) {
        running = event.line;
        const here = event.seq === state.seq;
        if (!here) executed.set(event.line, (executed.get(event.line) ?? 0) + 1);
      }
    } else if (event.parent === frame && event.frame) {
      if (event.event === "call") {
        const made = {
          position: `${event.thread}:${event.seq}`,
          name: escapeLine(decodeText(event.function)),
          result: "",
          raised: false,
          open: true,
          line: running,
        };
        open.set(event.frame, made);
        calls.push(made);
      } else if (LEAVES.has(event.event)) {
        const made = open.get(event.frame);
        if (made) {
          made.open = false;
          made.raised = event.event === "unwind";
          made.result = made.raised ? escapeLine(decodeText(event.exception?.type)) : formatValue(event.value, 40);
        }
      }
    }
  }
  return { owner, notes: { executed, values: placeValues(state, written) }, calls, whole };
}

interface Write {
  value: Value;
  position: string;
}

// The values beside the lines: each name beside the line that wrote it.
function placeValues(state: State, written: Map<number, Map<string, Write>>): LineNotes["values"] {
  const now = state.frames[0];
  const variables = new Map(listVariables(now));
  const changed = new Set(Object.keys(state.event.changed ?? {}));
  const out = new Map<number, { name: string; text: string; fresh: boolean }[]>();
  for (const [line, names] of written) {
    // The state has the whole value of a name's last write; the trace may have begun in the middle of it.
    out.set(
      line,
      [...names].slice(0, 6).map(([name, { value, position }]) => ({
        name: escapeLine(name),
        text: formatValue(now.written?.[name] === position ? variables.get(name) : value, 36),
        fresh: changed.has(name) && line !== now.line,
      })),
    );
  }
  return out;
}
