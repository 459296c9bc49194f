// The events of a static report in memory: positions, states and steps, computed as the daemon computes them.
import { decodeText } from "./format";
import type { Frame, OtherThread, State } from "./moment_state";
import { LEAVES, type EventObject, type Thread, type Value } from "./types";
import { RequestError } from "./wire_json";

const OUTPUT = new Set(["stdout", "stderr"]);
const POSITION = /^(\d+):(\d+)$/;
const LINE = /^(.+):(\d+)(?:#(\d+))?$/; // FILE:LINE or FILE:LINE#N
const NAMED_PLACES = new Set(["start", "end", "exception"]);

export const isPlace = (at: string) => POSITION.test(at) || NAMED_PLACES.has(at) || LINE.test(at);
export const isPosition = (at: string) => POSITION.test(at);
export const formatPosition = (event: EventObject) => `${event.thread}:${event.seq}`;
// The number of events in an event object: a loss is one object with a count.
export const weighEvent = (event: EventObject) => event.count ?? 1;

type OpenFrame = Frame & { parent: number; variables: Record<string, Value>; written: Record<string, string> };

export class Events {
  readonly byThread = new Map<number, EventObject[]>();
  private readonly baselines: Map<string, State>; // state by position
  private readonly open = new Map<EventObject, number>(); // number of open frames at each event
  constructor(
    readonly all: EventObject[],
    private threads: Thread[],
    baselines: State[],
    private textOf: (source: number | undefined, line: number | undefined) => string | undefined,
  ) {
    for (const thread of threads) this.byThread.set(thread.thread, []);
    for (const event of all) this.byThread.get(event.thread)?.push(event);
    for (const list of this.byThread.values()) this.countOpen(list);
    this.baselines = new Map(baselines.map((one) => [one.position, one]));
  }

  // Events outside functions do not name their frames: they have those that the event before left open. After a gap these
  // are unknown, and count as none.
  private countOpen(list: EventObject[]) {
    let open = 0; // behind the event before
    list.forEach((event, at) => {
      const before = list[at - 1];
      if (before && before.seq + weighEvent(before) !== event.seq) open = 0;
      if (event.depth !== undefined) open = event.depth + 1;
      this.open.set(event, open);
      if (event.frame && LEAVES.has(event.event)) open--;
    });
  }
  countOpenFrames(event: EventObject): number {
    return this.open.get(event) ?? 0;
  }

  // The index, among its thread's events, of the last event that does not come after `seq`; -1: there is none.
  findIndex(thread: number, seq: number): number {
    const list = this.byThread.get(thread) ?? [];
    let low = 0,
      high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // The event at a place (isPlace), of one thread where `only` names it; null: there is none. Where a report has gaps, a
  // position leads to the last event before it.
  find(at: string, only?: number): EventObject | null {
    const position = POSITION.exec(at);
    if (position) {
      const thread = this.threads.find((one) => one.thread === Number(position[1]));
      const seq = Number(position[2]);
      if (!thread || seq > thread.events + thread.lost) return null;
      const list = this.byThread.get(thread.thread) ?? [];
      return list[Math.max(0, this.findIndex(thread.thread, seq))] ?? null;
    }
    const wanted = only === undefined ? this.all : (this.byThread.get(only) ?? []);
    if (at === "start" || at === "end") {
      const list = this.byThread.get(only ?? this.threads[0]?.thread) ?? [];
      const inside = list.filter((event) => event.frame);
      const from = inside.length > 0 ? inside : list;
      return from[at === "start" ? 0 : from.length - 1] ?? null;
    }
    if (at === "exception")
      return wanted.filter((event) => event.event === "raise" && !event.propagated).pop() ?? null;
    const line = LINE.exec(at);
    if (!line) return null;
    let left = Number(line[3] ?? 1);
    return wanted.find((event) => isLine(event, line[1], Number(line[2])) && --left === 0) ?? null;
  }

  makeState(event: EventObject, outputMost: number): State {
    const list = this.byThread.get(event.thread)!;
    const frames = this.fold(list, this.findIndex(event.thread, event.seq));
    const time = BigInt(event.time_ns);
    const thread = this.threads.find((one) => one.thread === event.thread)!;
    const others: OtherThread[] = [];
    for (const one of this.threads) {
      if (one.thread === event.thread) continue;
      const events = this.byThread.get(one.thread)!;
      let at = -1;
      while (at + 1 < events.length && BigInt(events[at + 1].time_ns) <= time) at++;
      if (at < 0) continue;
      const last = events[at];
      others.push({
        process: one.process,
        thread: one.thread,
        name: one.name,
        ended: one.ended && last.seq + weighEvent(last) > one.events + one.lost,
        position: formatPosition(last),
        time_ns: last.time_ns,
        event: last.event,
        frames: this.fold(events, at).map((frame) => ({ ...frame, variables: undefined })),
      });
    }
    const written = this.all.filter((one) => OUTPUT.has(one.event) && BigInt(one.time_ns) <= time);
    const output = written.slice(Math.max(0, written.length - outputMost)).map((one) => ({
      position: formatPosition(one),
      stream: one.event,
      text: decodeText(one.value as never),
    }));
    return {
      position: formatPosition(event),
      process: event.process,
      thread: event.thread,
      seq: event.seq,
      time_ns: event.time_ns,
      name: thread.name,
      last_seq: thread.events + thread.lost,
      event,
      frames,
      frames_omitted: 0,
      frames_unknown: 0,
      threads: others,
      output,
      output_cut: output.length < written.length,
    };
  }

  // The open frames at the event with index `upTo`, innermost first, each with its variables.
  private fold(list: EventObject[], upTo: number): Frame[] {
    const frames = new Map<number, OpenFrame>();
    let top = 0; // the innermost open frame; 0: none, or unknown
    for (let at = this.findUnbroken(list, upTo); at <= upTo; at++) {
      const event = list[at];
      const before = list[at - 1];
      if (before?.frame && LEAVES.has(before.event) && before.frame === top) {
        top = frames.get(before.frame)?.parent ?? 0;
        if (before.event !== "yield" && before.frame !== event.frame) frames.delete(before.frame);
      }
      const baseline = this.baselines.get(formatPosition(event));
      if (baseline) top = takeBaseline(baseline, frames);
      else if (event.event === "lost") for (const frame of frames.values()) loseVariables(frame);
      else if (event.frame) {
        this.applyEvent(event, frames);
        top = event.frame;
      } else if (before?.event === "lost") top = 0;
    }
    const stack: Frame[] = [];
    for (let frame = frames.get(top); frame && stack.length < MOST_FRAMES; frame = frames.get(frame.parent))
      stack.push(frame);
    return stack;
  }

  // Brings the event's frame up to date.
  private applyEvent(event: EventObject, frames: Map<number, OpenFrame>) {
    const id = event.frame!;
    let frame = frames.get(id);
    if (!frame) frames.set(id, (frame = { frame: id, depth: 0, parent: 0, variables: {}, written: {} }));
    frame.parent = event.parent ?? 0;
    frame.depth = event.depth ?? frame.depth;
    frame.function = event.function;
    frame.file = event.file;
    frame.source = event.source;
    frame.line = event.line ?? frame.line;
    frame.text = this.textOf(event.source, frame.line);
    for (const [name, value] of Object.entries(event.changed ?? {})) {
      frame.variables[name] = value;
      if (isUnbound(value)) delete frame.written[name];
      else frame.written[name] = formatPosition(event);
    }
  }

  // The index of the first event from which the events up to `at` follow each other without a gap.
  private findUnbroken(list: EventObject[], at: number): number {
    while (at > 0 && list[at - 1].seq + (list[at - 1].count ?? 1) === list[at].seq) at--;
    return at;
  }

  // The event that a step of this kind leads to; null: there is none. Throws when the request is wrong.
  step(from: string, kind: string, fields: Record<string, unknown>): EventObject | null {
    const [thread, seq] = from.split(":").map(Number);
    const list = this.byThread.get(thread);
    if (!list) throw new RequestError("not_found", `the report does not contain thread ${thread}`);
    const origin = this.findIndex(thread, seq);
    const fits = this.makeStepTest(kind, list[origin], fields);
    const by = /^(previous$|previous-|back-)/.test(kind) ? -1 : 1;
    for (let next = origin + by; next >= 0 && next < list.length; next += by) {
      if (fits(list[next])) return list[next];
    }
    return null;
  }

  private makeStepTest(
    kind: string,
    origin: EventObject | undefined,
    fields: Record<string, unknown>,
  ): (event: EventObject) => boolean {
    const need = (name: string) => {
      if (fields[name] === undefined) throw new RequestError("invalid", `'${name}' is missing`);
      return fields[name];
    };
    const open = origin ? this.countOpenFrames(origin) : 0;
    switch (kind.replace(/^previous-/, "")) {
      case "next":
      case "previous":
        return () => true;
      case "over":
      case "back-over": {
        const leaves = kind === "over" ? LEAVES.has(origin?.event ?? "") : origin?.event === "call";
        return (event) => leaves || open === 0 || this.countOpenFrames(event) <= open;
      }
      case "out":
      case "back-out":
        return (event) => this.countOpenFrames(event) <= Math.max(0, open - 1);
      case "change": {
        const name = String(need("name"));
        const frame = fields.frame ?? origin?.frame;
        if (!frame) throw new RequestError("invalid", "no function runs there, so it has no variables");
        return (event) => event.frame === frame && Object.hasOwn(event.changed ?? {}, name);
      }
      case "line": {
        const file = String(need("file"));
        const line = Number(need("line"));
        return (event) => isLine(event, file, line);
      }
      case "call": {
        const name = String(need("function"));
        return (event) => event.event === "call" && isName(decodeText(event.function), name);
      }
      case "exception": {
        const type = fields.name === undefined ? "" : String(fields.name);
        return (event) =>
          event.event === "raise" &&
          !event.propagated &&
          (type === "" || isName(decodeText(event.exception?.type), type));
      }
    }
    throw new RequestError("invalid", `there is no step '${kind}'`);
  }
}

const MOST_FRAMES = 2000;

// Takes over the frames of a state; returns the innermost one, 0 when there is none.
function takeBaseline(state: State, frames: Map<number, OpenFrame>): number {
  state.frames.forEach((frame, index) =>
    frames.set(frame.frame, {
      ...frame,
      parent: state.frames[index + 1]?.frame ?? 0,
      variables: { ...(frame.variables as Record<string, Value>) },
      written: { ...frame.written },
    }),
  );
  return state.frames[0]?.frame ?? 0;
}

function loseVariables(frame: OpenFrame) {
  for (const name of Object.keys(frame.variables)) frame.variables[name] = { $type: "lost" };
  frame.written = {};
}

const isUnbound = (value: Value) => typeof value === "object" && value?.$type === "unbound";
// A path, or its end after a slash.
const isFile = (path: string, file: string) => path === file || path.endsWith(`/${file}`);
// A dotted name, or its end after a dot.
const isName = (qualified: string, name: string) => qualified === name || qualified.endsWith(`.${name}`);
const isLine = (event: EventObject, file: string, line: number) =>
  event.event === "line" && event.line === line && isFile(decodeText(event.file), file);
