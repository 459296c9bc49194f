// The source of the page's data: the daemon (api.ts), or the data embedded in a static report (report.ts).
import type { End } from "./types";
import type { Fields } from "./wire_json";

export interface Stream {
  done: Promise<End>;
  close(): void; // cancels the stream; `done` is then rejected or never settles
}

export interface Backend {
  readonly kind: "daemon" | "report";
  // Resolves with the answer.
  ask(op: string, fields?: Fields): Promise<any>;
  // Resolves with all lines of a short stream.
  list<T>(op: string, fields?: Fields): Promise<T[]>;
  // Starts a stream that may be long or endless, on a connection of its own.
  stream(op: string, fields: Fields, each: (object: any) => void): Stream;
}
