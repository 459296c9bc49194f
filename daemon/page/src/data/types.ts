// The members of PROTOCOL.md's and EXPORT.md's objects that the page reads. Times (ns since 1970) are texts of digits:
// wire_json.ts converts them.

export type Value = null | boolean | number | string | ValueObject;
export interface ValueObject {
  $type: string;
  id?: number;
  text?: string;
  base64?: string;
  items?: unknown[];
  attributes?: Record<string, Value>;
  class?: string;
  cut?: number;
  asof?: string;
  real?: number;
  imag?: number;
  bits?: number;
  [more: string]: unknown;
}

export interface Run {
  type: "run";
  id: string;
  command: Text[];
  cwd: Text;
  python: string | null;
  detail: string | null;
  name: Text | null;
  start_ns: string;
  end_ns: string | null;
  state: "running" | "ended" | "importing";
  exit_code: number | null;
  signal: number | null;
  complete: boolean;
  events: number;
  lost: number;
  bytes: number;
  processes: number;
  threads: number;
  exceptions: number;
  uncaught: Text | null;
  notes: Text[];
  pinned?: boolean;
}
// A text that UTF-8 cannot carry arrives as an object with base64.
export type Text = string | ValueObject;

export interface Process {
  type: "process";
  process: number;
  pid: number;
  parent: number | null;
  command: Text[];
  kind: string | null;
}
export interface Thread {
  type: "thread";
  process: number;
  thread: number;
  name: Text;
  native_id: number;
  events: number;
  lost: number;
  first_ns: string;
  last_ns: string;
  ended: boolean;
  lines?: number;
}
export interface Task {
  type: "task";
  process: number;
  task: number;
  name: Text;
}
// A task with "counts"; members are null for a task that never ran.
export interface TaskCount extends Task {
  thread: number | null;
  events: number;
  turns: number;
  first: string | null;
  first_ns: string | null;
  last: string | null;
  last_ns: string | null;
}
export interface Source {
  type: "source";
  source: number;
  file: Text;
  sha256: string;
  text?: Text;
}

export interface EventObject {
  type: "event";
  process: number;
  thread: number;
  seq: number;
  time_ns: string;
  event: string;
  source?: number;
  file?: Text;
  line?: number;
  function?: Text;
  frame?: number;
  parent?: number;
  depth?: number;
  task?: number;
  changed?: Record<string, Value>;
  value?: Value;
  exception?: { type: Text; message: Text };
  propagated?: boolean;
  count?: number;
  first_ns?: string;
  last_ns?: string;
  text?: Text;
}

// Events that leave a frame. A generator's frame may be resumed after a yield.
export const LEAVES = new Set(["return", "yield", "unwind"]);

export interface End {
  id: unknown;
  end: true;
  error?: { code: string; message: string };
  [more: string]: unknown;
}
