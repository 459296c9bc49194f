// Where the page's data comes from: the daemon (api.ts), or files beside the page in a static report (report.ts).
import type { End } from "./types";
import type { Fields } from "./wire_json";

export interface Stream {
  done: Promise<End>;
  close(): void; // ends it early; `done` is then rejected or never settles
}

export interface Backend {
  readonly kind: "daemon" | "report";
  // One answer.
  ask(op: string, fields?: Fields): Promise<any>;
  // All lines of a short stream.
  list<T>(op: string, fields?: Fields): Promise<T[]>;
  // A stream that may be long or endless, on a connection of its own.
  stream(op: string, fields: Fields, each: (object: any) => void): Stream;
}
