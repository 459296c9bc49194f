// The last search and its results, for the Search view, the timeline and the keys n and N.
//
// A search may have millions of results. Memory holds one window of them (WINDOW results); the next window is requested
// from the position of the last result before it.
import { signal } from "@preact/signals";
import { getBackend, say, sayError } from "../data/app_state";
import type { Stream } from "../data/backend";
import { goTo, type State } from "../data/moment_state";
import type { EventObject } from "../data/types";

export const WINDOW = 5000; // results in one window
export const found = signal<EventObject[]>([]);
export const foundBefore = signal(0); // number of results before the window in `found`
export const total = signal(0); // results of the whole run that were counted so far
export const counting = signal(false); // the count is not complete
export const looking = signal(false); // the window is not complete
export const searchText = signal("");
export const searchRun = signal("");

let counter: Stream | null = null; // fills the first window and counts to the end of the run; null: no count goes on
let filler: Stream | null = null; // fills any other window; null: none is being filled
let starts: (string | null)[] = [null]; // the position before each window that was reached; null: the start of the run

export function stopSearch() {
  counter?.close();
  filler?.close();
  counter = filler = null;
  counting.value = looking.value = false;
}

export function search(run: string, text: string, onError: (text: string) => void) {
  stopSearch();
  searchRun.value = run;
  searchText.value = text;
  found.value = [];
  foundBefore.value = total.value = 0;
  starts = [null];
  if (text === "") return;
  counting.value = looking.value = true;
  const first: EventObject[] = [];
  let due = false;
  const show = () => {
    due = false;
    if (counter !== stream) return;
    total.value = Math.max(total.value, first.length);
    if (foundBefore.value === 0 && !filler) found.value = [...first];
  };
  const filled = () => {
    show();
    starts[1] ??= formatPosition(first[first.length - 1]);
    if (!filler) looking.value = false;
  };
  const stream: Stream = getBackend().stream(
    "replay",
    { run, where: text, source: true, limit: WINDOW, count: true },
    (object) => {
      if (object.type === "counted") {
        if (looking.value) filled();
        total.value = object.events;
        return;
      }
      first.push(object);
      if (!due) {
        due = true;
        setTimeout(show, 80);
      }
    },
  );
  counter = stream;
  stream.done.then(
    (end) => {
      if (counter !== stream) return;
      filled();
      total.value = Number(end.counted ?? first.length);
      counting.value = false;
    },
    (error) => {
      if (counter !== stream) return;
      stopSearch();
      found.value = [];
      onError(error instanceof Error ? error.message : String(error));
    },
  );
}

const formatPosition = (event: EventObject | undefined) => (event ? `${event.thread}:${event.seq}` : null);

// Loads a window into `found`. A window that was never reached is reached through all windows before it.
export async function openWindow(wanted: number): Promise<void> {
  filler?.close();
  const run = searchRun.value,
    where = searchText.value;
  let at = Math.min(wanted, starts.length - 1);
  looking.value = true;
  for (; at <= wanted; at++) {
    const list: EventObject[] = [];
    const after = starts[at] ?? undefined;
    const stream = getBackend().stream("replay", { run, where, source: true, limit: WINDOW, after }, (event) =>
      list.push(event),
    );
    filler = stream;
    try {
      await stream.done;
    } catch (error) {
      if (filler !== stream) return;
      filler = null;
      looking.value = false;
      throw error;
    }
    if (filler !== stream) return;
    if (list.length === 0) break;
    found.value = list;
    foundBefore.value = at * WINDOW;
    if (list.length < WINDOW) break;
    starts[at + 1] = formatPosition(list[list.length - 1]);
  }
  filler = null;
  looking.value = false;
}

export async function goToFound(state: State, by: 1 | -1, run: string) {
  if (searchRun.value !== run || found.value.length === 0) {
    say("no search yet: press / to search");
    return;
  }
  const now = BigInt(state.time_ns);
  const compare = (one: EventObject) => {
    const time = BigInt(one.time_ns);
    return time !== now ? (time > now ? 1 : -1) : one.thread - state.thread || one.seq - state.seq;
  };
  const goes = (one: EventObject) => (by > 0 ? compare(one) > 0 : compare(one) < 0);
  const windowAt = () => Math.round(foundBefore.value / WINDOW);
  try {
    // Moves from the loaded window to the one whose results surround this moment.
    while (windowAt() > 0 && !goesBack()) await openWindow(windowAt() - 1);
    while (!goesOn() && foundBefore.value + found.value.length < total.value) {
      const before = windowAt();
      await openWindow(before + 1);
      if (windowAt() === before) break;
    }
    if (by < 0 && windowAt() > 0 && !found.value.some(goes)) await openWindow(windowAt() - 1);
  } catch (error) {
    sayError(error);
    return;
  }
  const all = found.value;
  const next = by > 0 ? all.find(goes) : [...all].reverse().find(goes);
  if (next) goTo(run, `${next.thread}:${next.seq}`);
  else say(by > 0 ? "no later result" : "no earlier result");

  function goesBack() {
    return compare(found.value[0]) <= 0;
  }
  function goesOn() {
    return compare(found.value[found.value.length - 1]) > 0;
  }
}
