// Requests and answers as JSON. Times in nanoseconds since 1970 do not fit into JavaScript's numbers and are kept as text.

export type Fields = Record<string, unknown>;

export class RequestError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

// Only whole members of 17 digits and more: plain integers of recorded values never have as many (EXPORT.md).
const LONG = /"(\w*_ns)":(-?\d{17,})(?=[,}])/g;

export function parseLine(line: string): any {
  return JSON.parse(line.replace(LONG, '"$1":"$2"'));
}

// Like JSON.stringify; members that are bigint become integers.
export function toJson(fields: Fields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${JSON.stringify(key)}:${typeof value === "bigint" ? value.toString() : JSON.stringify(value)}`,
    );
  return `{${parts.join(",")}}`;
}
