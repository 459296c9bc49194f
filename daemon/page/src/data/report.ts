// The backend of a static report (smiley-report, smiley-export --format html): answers requests from embedded data.
//
// It answers as the daemon does: tests/cases/report.jsonl has requests and answers that a test checks on both.
import type { Backend, Stream } from "./backend";
import { decodeText } from "./format";
import { Events, isPlace, isPosition, formatPosition, weighEvent } from "./report_fold";
import type { Frame, State } from "./moment_state";
import type { Run, Source, Task, TaskCount, Thread, EventObject } from "./types";
import { RequestError, parseLine, type Fields } from "./wire_json";
import type { Lane } from "./timeline_data";

export interface ReportData {
  run: Run;
  part: string | null; // the part of the run that the report contains, in words; null: the whole run
  thread: number | null; // the only thread that the report contains; null: all threads
  title: string; // empty: the page shows the command
  time: { from_ns: string; to_ns: string } | null; // time range of the part, ns since 1970; null: it has none
  threads: Thread[];
  listTasks: Task[];
  sources: Source[];
  baselines: State[]; // states after gaps, where the report contains only a part
  events: EventObject[];
  answers: Record<string, { lines: any[]; end: Record<string, any> }>; // stored answers, by makeAnswerKey()
}

// Parses the parts that smiley-report writes: JSON Lines, pushed onto window.smileyParts by data/part-N.js in order.
// Returns null when there are none: then the page belongs to a daemon.
export function collect(parts: string[]): ReportData | null {
  if (parts.length === 0) return null;
  const data: ReportData = {
    run: null as never,
    part: null,
    thread: null,
    title: "",
    time: null,
    threads: [],
    listTasks: [],
    sources: [],
    baselines: [],
    events: [],
    answers: {},
  };
  // By thread and frame: a later state refers to an unchanged frame by "same".
  const frames = new Map<string, Frame>();
  let answer = "";
  for (const part of parts) {
    for (const line of part.split("\n")) {
      if (line === "") continue;
      const object = parseLine(line);
      if (line.startsWith('{"id":')) {
        if (object.run) data.run = object.run;
        if (object.end && answer) data.answers[answer].end = object;
        if (object.end) answer = "";
        continue;
      }
      if (answer) {
        data.answers[answer].lines.push(object);
        continue;
      }
      switch (object.type) {
        case "report":
          data.part = object.part;
          data.thread = object.thread;
          data.title = object.title;
          if (object.from_ns) data.time = { from_ns: object.from_ns, to_ns: object.to_ns };
          break;
        case "answer":
          answer = object.asked;
          data.answers[answer] = { lines: [], end: {} };
          break;
        case "run":
          data.run = object;
          break;
        case "thread":
          data.threads.push(object);
          break;
        case "task":
          data.listTasks.push(object);
          break;
        case "source":
          data.sources.push(object);
          break;
        case "state":
          object.frames = object.frames.map((frame: Frame & { same?: boolean }) => {
            const key = `${object.thread}/${frame.frame}`;
            if (!frame.same) frames.set(key, frame);
            return frames.get(key) ?? frame;
          });
          data.baselines.push(object);
          break;
        case "event":
          data.events.push(object);
          break;
      }
    }
  }
  if (!data.part) return data;
  // A part arrives thread by thread; threads without events in it are dropped.
  const threads = new Set(data.events.map((event) => event.thread));
  data.threads = data.threads.filter((thread) => threads.has(thread.thread));
  data.events.sort((a, b) =>
    a.time_ns < b.time_ns ? -1 : a.time_ns > b.time_ns ? 1 : a.thread - b.thread || a.seq - b.seq,
  );
  return data;
}

const makeAnswerKey = (op: string, fields: Fields) => (op === "calls" ? `calls ${fields.by ?? "time"}` : op);

// The events that `last`, `skip` and `limit` select. With `skip`, lost events count one by one, in `limit` as well.
function takePage(list: EventObject[], fields: Fields): EventObject[] {
  if (fields.last) return list.slice(-Number(fields.last));
  let limit = Number(fields.limit ?? Infinity);
  if (fields.skip === undefined) return list.slice(0, limit);
  let skip = Number(fields.skip);
  let from = 0;
  while (from < list.length && skip >= weighEvent(list[from])) skip -= weighEvent(list[from++]);
  limit += skip;
  let to = from;
  while (to < list.length && limit > 0) limit -= weighEvent(list[to++]);
  return list.slice(from, to);
}

export class Report implements Backend {
  readonly kind = "report";
  private events: Events;
  private lines = new Map<number, string[]>();

  constructor(readonly data: ReportData) {
    this.events = new Events(data.events, data.threads, data.baselines, (source, line) =>
      this.readLine(source, line),
    );
  }

  private readLine(source: number | undefined, line: number | undefined): string | undefined {
    if (!source || !line) return undefined;
    let lines = this.lines.get(source);
    if (!lines) {
      lines = decodeText(this.data.sources.find((one) => one.source === source)?.text).split(/\r\n|\r|\n/);
      this.lines.set(source, lines);
    }
    return lines[line - 1];
  }

  async ask(op: string): Promise<any> {
    if (op === "run") return { run: this.data.run };
    throw new RequestError("invalid", "a report cannot do this; open the run with smiley-web");
  }

  async list<T>(op: string, fields: Fields = {}): Promise<T[]> {
    return this.answer(op, fields).lines as T[];
  }

  stream(op: string, fields: Fields, each: (object: any) => void): Stream {
    let stop = false;
    const done = (async () => {
      const { lines, end } = this.answer(op, fields);
      for (const line of lines) if (!stop) each(line);
      return { id: null, end: true, ...end } as never;
    })();
    done.catch(() => undefined);
    return { done, close: () => (stop = true) };
  }

  private answer(op: string, fields: Fields): { lines: any[]; end: Record<string, any> } {
    switch (op) {
      case "runs":
        return { lines: [this.data.run], end: {} };
      case "threads": {
        const kept = this.data.answers["threads"];
        return fields.lines && kept ? kept : { lines: this.data.threads, end: {} };
      }
      case "tasks":
        return { lines: this.tasks(fields), end: {} };
      case "sources":
        return { lines: this.data.sources.filter((one) => !fields.source || one.source === fields.source), end: {} };
      case "replay":
        return this.replay(fields);
      case "state":
        return { lines: [this.makeState(fields)], end: {} };
      case "step": {
        const to = this.events.step(String(fields.from), String(fields.kind), fields);
        return { lines: to ? [{ ...to, position: formatPosition(to) }] : [], end: {} };
      }
      case "timeline":
        return { lines: this.makeLanes(fields), end: {} };
    }
    const kept = this.data.answers[makeAnswerKey(op, fields)];
    if (!kept) throw new RequestError("invalid", "the report does not contain this; open the run with smiley-web");
    if (fields.from_ns !== undefined)
      throw new RequestError(
        "invalid",
        "a report has these numbers for the whole run only; open the run with smiley-web for a time range",
      );
    if (fields.thread && fields.thread !== this.data.thread)
      throw new RequestError(
        "invalid",
        "a report has these numbers for all threads together; open the run with smiley-web for one thread",
      );
    return kept;
  }

  // The number of events, lost ones included, that the report contains of a thread (0: of all threads).
  countEvents(thread: number): number {
    const list = thread ? (this.events.byThread.get(thread) ?? []) : this.data.events;
    return list.reduce((sum, event) => sum + weighEvent(event), 0);
  }

  private makeState(fields: Fields): State {
    const at = String(fields.at ?? "end");
    if (!isPlace(at)) throw new RequestError("invalid", `'${at}' is not a place: write a position, a line or start`);
    let event = this.events.find(at, fields.thread as number | undefined);
    if (!event && this.data.part && at === "exception") event = this.events.find("end");
    if (!event) throw new RequestError("not_found", "the report does not contain this position");
    const text = this.readLine(event.source, event.line);
    return this.events.makeState(text === undefined ? event : { ...event, text }, Number(fields.output ?? 50));
  }

  private replay(fields: Fields): { lines: EventObject[]; end: Record<string, any> } {
    const from = String(fields.from ?? "0");
    const [thread, seq] = isPosition(from)
      ? from.split(":").map(Number)
      : [fields.thread as number | undefined, Number(from)];
    const to = Number(fields.to ?? Infinity);
    const frame = fields.frame as number | undefined;
    const text = String(fields.where ?? "").toLowerCase();
    const fits = (event: EventObject) =>
      (!thread || (event.seq >= (seq ?? 0) && event.seq <= to)) &&
      (!frame || event.frame === frame || (event.parent === frame && event.event !== "line")) &&
      (text === "" || this.contains(event, text));
    const all = thread ? (this.events.byThread.get(thread) ?? []) : this.data.events;
    const behind = fields.after ? all.findIndex((event) => formatPosition(event) === fields.after) + 1 : 0;
    const fitting = all.slice(behind).filter(fits);
    const page = takePage(fitting, fields);
    const lines = fields.source ? page.map((one) => ({ ...one, text: this.readLine(one.source, one.line) })) : page;
    return { lines, end: { counted: fitting.length } };
  }

  // Whether an event contains the text. A report has no expressions.
  private contains(event: EventObject, wanted: string): boolean {
    const text = [
      event.event,
      decodeText(event.function),
      decodeText(event.file),
      this.readLine(event.source, event.line) ?? "",
      JSON.stringify(event.changed ?? ""),
      JSON.stringify(event.value ?? ""),
      JSON.stringify(event.exception ?? ""),
    ];
    return text.some((one) => one.toLowerCase().includes(wanted));
  }

  private makeLanes(fields: Fields): Lane[] {
    const buckets = Number(fields.buckets ?? 600);
    const all = this.data.events;
    const from = (fields.from_ns as bigint | undefined) ?? BigInt(all[0]?.time_ns ?? "0");
    let to = (fields.to_ns as bigint | undefined) ?? BigInt(all[all.length - 1]?.time_ns ?? "1");
    if (to <= from) to = from + 1n;
    const span = Number(to - from);
    const laneOf = (thread: Thread, task?: number): Lane => {
      const zeros = () => new Array<number>(buckets).fill(0);
      const lane: Lane = {
        process: thread.process,
        thread: thread.thread,
        task,
        from_ns: String(from),
        to_ns: String(to),
        exact: true,
        events: zeros(),
        exceptions: zeros(),
        output: zeros(),
        lost: zeros(),
        seq: zeros(),
        single: [],
      };
      for (const event of this.events.byThread.get(thread.thread) ?? []) {
        if (task !== undefined && event.task !== task) continue;
        const at = Number(BigInt(event.time_ns) - from);
        if (at < 0 || at > span) continue;
        const bucket = Math.min(buckets - 1, Math.floor((at / span) * buckets));
        if (!lane.seq[bucket]) lane.seq[bucket] = event.seq;
        if (event.event === "lost") lane.lost[bucket] += weighEvent(event);
        else lane.events[bucket]++;
        if (event.event === "raise") lane.exceptions[bucket]++;
        if (event.event === "stdout" || event.event === "stderr") lane.output[bucket]++;
        lane.single?.push([event.seq, at, event.event, this.events.countOpenFrames(event)]);
        if (lane.single && lane.single.length > 1500) lane.single = undefined;
      }
      return lane;
    };
    const wanted = fields.thread ? [fields.thread as number] : (fields.threads as number[] | undefined);
    const threads = this.data.threads.filter((one) => !wanted || wanted.includes(one.thread));
    const tasks = fields.tasks as number[] | undefined;
    return threads.flatMap((thread) => (tasks ? tasks.map((task) => laneOf(thread, task)) : [laneOf(thread)]));
  }

  private tasks(fields: Fields): Task[] {
    if (!fields.counts) return this.data.listTasks;
    const counts = this.countTasks();
    return fields.thread ? counts.filter((one) => one.thread === fields.thread) : counts;
  }

  private countTasks(): TaskCount[] {
    const counts = new Map<number, TaskCount>(
      this.data.listTasks.map((task) => [
        task.task,
        { ...task, thread: null, events: 0, turns: 0, first: null, first_ns: null, last: null, last_ns: null },
      ]),
    );
    for (const list of this.events.byThread.values()) {
      let before = 0;
      for (const event of list) {
        const count = event.task ? counts.get(event.task) : undefined;
        if (count) {
          const position = formatPosition(event);
          if (event.task !== before) count.turns++;
          count.thread ??= event.thread;
          count.first ??= position;
          count.first_ns ??= event.time_ns;
          count.last = position;
          count.last_ns = event.time_ns;
          if (event.event !== "lost") count.events++;
        }
        before = event.task ?? 0;
      }
    }
    return [...counts.values()];
  }
}
