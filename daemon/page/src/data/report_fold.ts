// The events of a static report in memory: positions, states and steps, computed as the daemon computes them.
import { plainText } from "./format";
import type { Frame, OtherThread, State } from "./moment_state";
import { LEAVES, type EventObject, type Thread, type Value } from "./types";

const OUTPUT = new Set(["stdout", "stderr"]);

export class Events {
  readonly byThread = new Map<number, EventObject[]>();
  private readonly baselines: Map<string, State>; // state by position
  constructor(
    readonly all: EventObject[],
    private threads: Thread[],
    baselines: State[],
    private textOf: (source: number | undefined, line: number | undefined) => string | undefined,
  ) {
    for (const thread of threads) this.byThread.set(thread.thread, []);
    for (const event of all) this.byThread.get(event.thread)?.push(event);
    this.baselines = new Map(baselines.map((one) => [one.position, one]));
  }

  // The index, among its thread's events, of the last event that does not come after `seq`; -1: there is none.
  indexOf(thread: number, seq: number): number {
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

  find(at: string, only?: number): EventObject | null {
    const position = /^(\d+):(\d+)$/.exec(at);
    if (position) {
      const thread = Number(position[1]),
        seq = Number(position[2]);
      const list = this.byThread.get(thread) ?? [];
      return list[Math.max(0, this.indexOf(thread, seq))] ?? null;
    }
    const main = this.byThread.get(only ?? this.threads[0]?.thread) ?? [];
    const inside = main.filter((event) => event.frame);
    if (at === "start") return inside[0] ?? main[0] ?? null;
    if (at === "end") return inside[inside.length - 1] ?? main[main.length - 1] ?? null;
    if (at === "exception") {
      return (
        [...this.all].reverse().find((event) => event.event === "raise" && !event.propagated) ?? this.find("end")
      );
    }
    const line = /^(.*):(\d+)(?:#(\d+))?$/.exec(at);
    if (!line) return null;
    let left = Number(line[3] ?? 1);
    return (
      this.all.find(
        (event) =>
          event.event === "line" &&
          event.line === Number(line[2]) &&
          isFile(plainText(event.file), line[1]) &&
          --left === 0,
      ) ?? null
    );
  }

  state(event: EventObject, outputMost: number): State {
    const list = this.byThread.get(event.thread)!;
    const frames = this.fold(list, this.indexOf(event.thread, event.seq));
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
        ended: one.ended && at === events.length - 1,
        position: `${one.thread}:${last.seq}`,
        time_ns: last.time_ns,
        event: last.event,
        frames: this.fold(events, at).map((frame) => ({ ...frame, variables: undefined })),
      });
    }
    const output = [];
    let cut = false;
    for (let at = this.all.length - 1; at >= 0; at--) {
      const one = this.all[at];
      if (!OUTPUT.has(one.event) || BigInt(one.time_ns) > time) continue;
      if (output.length >= outputMost) {
        cut = true;
        break;
      }
      output.unshift({
        position: `${one.thread}:${one.seq}`,
        stream: one.event,
        text: plainText(one.value as never),
      });
    }
    return {
      position: `${event.thread}:${event.seq}`,
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
      output_cut: cut,
    };
  }

  // The open frames at the event with index `upTo`, innermost first, each with its variables.
  private fold(list: EventObject[], upTo: number): Frame[] {
    const frames = new Map<
      number,
      Frame & { parent: number; variables: Record<string, Value>; written: Record<string, string> }
    >();
    let stack: number[] = [];
    for (let at = this.unbrokenFrom(list, upTo); at <= upTo; at++) {
      const event = list[at];
      const before = list[at - 1];
      if (
        before &&
        LEAVES.has(before.event) &&
        before.event !== "yield" &&
        before.frame &&
        before.frame !== event.frame
      )
        frames.delete(before.frame);
      const baseline = this.baselines.get(`${event.thread}:${event.seq}`);
      if (baseline) {
        baseline.frames.forEach((frame, index) =>
          frames.set(frame.frame, {
            ...frame,
            parent: baseline.frames[index + 1]?.frame ?? 0,
            variables: { ...(frame.variables as Record<string, Value>) },
            written: { ...frame.written },
          }),
        );
        stack = baseline.frames.map((frame) => frame.frame);
        continue;
      }
      if (event.event === "lost") {
        for (const frame of frames.values())
          for (const name of Object.keys(frame.variables)) frame.variables[name] = { $type: "lost" };
        continue;
      }
      stack = [];
      if (!event.frame) continue;
      let frame = frames.get(event.frame);
      if (!frame)
        frames.set(
          event.frame,
          (frame = { frame: event.frame, depth: event.depth ?? 0, parent: 0, variables: {}, written: {} }),
        );
      frame.parent = event.parent ?? 0;
      frame.depth = event.depth ?? frame.depth;
      frame.function = event.function;
      frame.file = event.file;
      frame.source = event.source;
      frame.line = event.line ?? frame.line;
      frame.text = this.textOf(event.source, frame.line);
      for (const [name, value] of Object.entries(event.changed ?? {})) {
        frame.variables[name] = value;
        frame.written[name] = `${event.thread}:${event.seq}`;
      }
      if (at === upTo) {
        for (
          let one: number | undefined = event.frame;
          one && frames.has(one) && stack.length < 2000;
          one = frames.get(one)!.parent
        )
          stack.push(one);
      }
    }
    return stack.map((one) => frames.get(one)!);
  }

  // The index of the first event from which the events up to `at` follow each other without a gap.
  private unbrokenFrom(list: EventObject[], at: number): number {
    while (at > 0 && list[at - 1].seq + (list[at - 1].count ?? 1) === list[at].seq) at--;
    return at;
  }

  step(from: string, kind: string, fields: Record<string, unknown>): EventObject | null {
    const [thread, seq] = from.split(":").map(Number);
    const list = this.byThread.get(thread) ?? [];
    const origin = this.indexOf(thread, seq);
    const at = list[origin];
    const back = kind === "previous" || kind.startsWith("back-") || kind.startsWith("previous-");
    const what = kind.replace(/^(back-|previous-)/, "");
    const depthOf = (event: EventObject | undefined) => event?.depth ?? -1;
    const fits = (event: EventObject): boolean => {
      switch (what) {
        case "next":
        case "previous":
          return true;
        case "over":
          return (back ? at?.event === "call" : LEAVES.has(at?.event ?? "")) || depthOf(event) <= depthOf(at);
        case "out":
          return depthOf(event) < depthOf(at);
        case "change":
          return (
            event.frame === (fields.frame ?? at?.frame) &&
            !!event.changed &&
            Object.hasOwn(event.changed, String(fields.name))
          );
        case "line":
          return (
            event.event === "line" && event.line === fields.line && isFile(plainText(event.file), String(fields.file))
          );
        case "call":
          return event.event === "call" && plainText(event.function) === fields.function;
        case "exception":
          return event.event === "raise" && !event.propagated;
      }
      return false;
    };
    for (let next = origin + (back ? -1 : 1); next >= 0 && next < list.length; next += back ? -1 : 1) {
      if (fits(list[next])) return list[next];
    }
    return null;
  }
}

const isFile = (path: string, file: string) => path === file || path.endsWith(`/${file}`);
