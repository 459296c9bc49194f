// Requests and answers as JSON. Nanoseconds since 1970 exceed JavaScript's exact integers: times are texts of digits.

export type Fields = Record<string, unknown>;

export class RequestError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

// Matches members of 17 digits and more only: plain integers of recorded values never have as many (EXPORT.md).
const LONG = /"(\w*_ns)":(-?\d{17,})(?=[,}])/g;

export function parseLine(line: string): any {
  return JSON.parse(line.replace(LONG, '"$1":"$2"'));
}

// Like JSON.stringify, but members of type bigint become integers and undefined ones are left out.
export function toJson(fields: Fields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${JSON.stringify(key)}:${typeof value === "bigint" ? value.toString() : JSON.stringify(value)}`,
    );
  return `{${parts.join(",")}}`;
}
