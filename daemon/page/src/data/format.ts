// Formats numbers, times and texts for people.
import type { Run, Text } from "./types";

const PLAIN = new Intl.NumberFormat("en", { useGrouping: true });
export const formatCount = (n: number) => PLAIN.format(n);
export const formatPlural = (n: number, one: string, many = `${one}s`) => `${formatCount(n)} ${n === 1 ? one : many}`;

export function formatBytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

export function formatDuration(ns: number): string {
  if (!(ns > 0)) return "0";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${formatDigits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${formatDigits(ns / 1e6)} ms`;
  if (ns < 60e9) return `${formatDigits(ns / 1e9)} s`;
  const seconds = Math.floor(ns / 1e9);
  const h = Math.floor(seconds / 3600),
    m = Math.floor((seconds % 3600) / 60),
    s = seconds % 60;
  return h > 0 ? `${h}h ${String(m).padStart(2, "0")}m` : `${m}m ${String(s).padStart(2, "0")}s`;
}
const formatDigits = (n: number) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));

// Nanoseconds between two times (texts of digits, ns since 1970); 0 when one is missing.
export function measureNs(start: string | null | undefined, time: string | null | undefined): number {
  if (!start || !time) return 0;
  return Number(BigInt(time) - BigInt(start));
}

export function formatStart(ns: string): string {
  const date = new Date(Number(BigInt(ns) / 1000000n));
  const today = new Date();
  const time = date.toLocaleTimeString("en-GB");
  const two = (n: number) => String(n).padStart(2, "0");
  return date.toDateString() === today.toDateString()
    ? `today ${time}`
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

// Escapes control characters, invisible characters and those that change the direction of text.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]/gu;
export function escapeHidden(text: string): string {
  return text.replace(HIDDEN, (c) => {
    const code = c.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
// The text on one line.
export const escapeLine = (text: string) => escapeHidden(text.replace(/\r?\n/g, "⏎").replace(/\t/g, "  "));

export function decodeText(text: Text | null | undefined): string {
  if (text === null || text === undefined) return "";
  if (typeof text === "string") return text;
  if (typeof text.text === "string") return text.text;
  if (typeof text.base64 === "string") {
    const raw = Uint8Array.from(atob(text.base64), (c) => c.charCodeAt(0));
    return new TextDecoder("utf-8").decode(raw);
  }
  return "?";
}
export const decodeLine = (text: Text | null | undefined) => escapeLine(decodeText(text));
// The last part of a path.
export const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1) || path;

export function formatCommand(run: Run): string {
  return run.command
    .map((word) => {
      const text = decodeLine(word);
      return text === "" || /[\s"']/.test(text) ? JSON.stringify(text) : text;
    })
    .join(" ");
}

const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
};
// A run fails by a signal or an exit code other than 0 (PROTOCOL.md, `last:failed`). A run without an exit code fails
// when an exception was not caught.
export const hasFailed = (run: Run) =>
  run.state === "ended" && (run.signal !== null || (run.exit_code ?? (run.uncaught ? 1 : 0)) !== 0);
export function formatExit(run: Run): string {
  if (run.state === "running") return "running";
  if (run.signal !== null) {
    const name = SIGNALS[run.signal];
    return `killed by ${name ? `${name} (${run.signal})` : `signal ${run.signal}`}`;
  }
  const how = run.exit_code === null ? "unknown" : run.exit_code === 0 ? "ok" : `exit code ${run.exit_code}`;
  return run.uncaught ? `${how}, ${decodeLine(run.uncaught)} not caught` : how;
}
