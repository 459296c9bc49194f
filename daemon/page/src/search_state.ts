// What was searched for last, and what was found: shown in the Search view, on the timeline, and walked by n and N.
import { signal } from "@preact/signals";
import { say } from "./app_state";
import { goTo, type State } from "./moment_state";
import type { EventObject } from "./types";

export const found = signal<EventObject[]>([]);
export const searchText = signal("");
export const searching = signal(false);
export const searchRun = signal("");

export function nextFound(state: State, by: 1 | -1, run: string) {
  const all = searchRun.value === run ? found.value : [];
  if (all.length === 0) {
    say("nothing is searched for: / searches");
    return;
  }
  const now = BigInt(state.time_ns);
  const later = (one: EventObject) => {
    const time = BigInt(one.time_ns);
    return time > now || (time === now && (one.thread > state.thread || (one.thread === state.thread && one.seq > state.seq)));
  };
  const isHere = (one: EventObject) => one.thread === state.thread && one.seq === state.seq;
  const next = by > 0 ? all.find(later) : [...all].reverse().find((one) => !later(one) && !isHere(one));
  if (next) goTo(run, `${next.thread}:${next.seq}`);
  else say(by > 0 ? "no later result" : "no earlier result");
}
