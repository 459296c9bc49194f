// Formats a captured value as one line of text, close to Python's repr.
import { escapeLine, decodeText } from "../data/format";
import type { Value, ValueObject } from "../data/types";

const OPEN: Record<string, [string, string]> = {
  list: ["[", "]"],
  tuple: ["(", ")"],
  set: ["{", "}"],
  frozenset: ["frozenset({", "})"],
  dict: ["{", "}"],
  deque: ["deque([", "])"],
  defaultdict: ["defaultdict({", "})"],
  Counter: ["Counter({", "})"],
  OrderedDict: ["OrderedDict({", "})"],
};
export const isObject = (value: unknown): value is ValueObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const quote = (text: string) => {
  const q = text.includes("'") && !text.includes('"') ? '"' : "'";
  return q + escapeLine(text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t")) + q;
};

// Whether the items are the pairs [key, value] of a mapping.
export function isMapping(value: ValueObject): boolean {
  return Array.isArray(value.items) && (/dict|Counter|Dict|mapping/.test(value.$type) || value.$type === "namespace");
}

export function formatCut(value: ValueObject): string {
  if (value.cut === undefined) return "";
  const unit = value.items
    ? "item"
    : value.$type === "str"
      ? "character"
      : value.$type.startsWith("byte")
        ? "byte"
        : "item";
  return `${value.cut.toLocaleString("en")} ${unit}${value.cut === 1 ? "" : "s"} not recorded`;
}

const formatClass = (value: ValueObject) => {
  const name = typeof value.class === "string" ? value.class : value.$type;
  return escapeLine(name.slice(name.lastIndexOf(".") + 1));
};

export function formatValue(value: Value | undefined, room = 80): string {
  if (value === undefined) return "";
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string")
    return value.length > room ? `${quote(value.slice(0, Math.max(room - 1, 8)))}…` : quote(value);
  return formatObject(value, room);
}

function formatObject(value: ValueObject, room: number): string {
  switch (value.$type) {
    case "unbound":
      return "deleted";
    case "lost":
      return "unknown (lost)";
    case "redacted":
      return "hidden";
    case "ref":
      return "<repeated object>";
    case "int":
    case "float":
      return `${escapeLine(String(value.text))}${value.cut ? "…" : ""}`;
    case "complex":
      return `(${value.real}${(value.imag ?? 0) < 0 ? "" : "+"}${value.imag}j)`;
    case "str":
      return value.base64 !== undefined
        ? quote(decodeText(value))
        : `${quote(String(value.text ?? "").slice(0, room))}…`;
    case "bytes":
    case "bytearray":
      return formatByteString(value, room);
    case "module":
      return `<module ${escapeLine(String(value.text ?? ""))}>`;
    case "function":
    case "method":
    case "builtin":
      return `${escapeLine(String(value.text ?? "function"))}()`;
    case "type":
    case "class":
      return `<class ${escapeLine(String(value.text ?? ""))}>`;
  }
  if (value.items) {
    const named = value.class ? `${formatClass(value)} ` : "";
    const [open, close] = OPEN[value.$type] ?? [`${formatClass(value)}(`, ")"];
    let text = named + open,
      first = true;
    for (const item of value.items) {
      if (text.length > room) {
        text += "…";
        return text + close;
      }
      if (!first) text += ", ";
      first = false;
      text +=
        Array.isArray(item) && isMapping(value)
          ? `${formatValue(item[0] as Value, 20)}: ${formatValue(item[1] as Value, Math.max(room - text.length, 8))}`
          : formatValue(item as Value, Math.max(room - text.length, 8));
    }
    if (value.cut) text += `${first ? "" : ", "}… ${value.cut.toLocaleString("en")} more`;
    return text + close;
  }
  if (value.attributes) {
    let text = `${formatClass(value)}(`,
      first = true;
    for (const [name, attribute] of Object.entries(value.attributes)) {
      if (text.length > room) return `${text}…)`;
      if (!first) text += ", ";
      first = false;
      text += `${escapeLine(name)}=${formatValue(attribute, Math.max(room - text.length, 8))}`;
    }
    return `${text})`;
  }
  if (typeof value.text === "string") return `${formatClass(value)}(${escapeLine(value.text.slice(0, room))})`;
  return `<${formatClass(value)}>`;
}

function formatByteString(value: ValueObject, room: number): string {
  let text = value.$type === "bytes" ? "b'" : "bytearray(b'";
  let raw = "";
  try {
    raw = atob(value.base64 ?? "");
  } catch {
    return "bytes";
  }
  for (const c of raw) {
    if (text.length > room) return `${text}…'`;
    const code = c.charCodeAt(0);
    text += code >= 32 && code < 127 && c !== "'" && c !== "\\" ? c : `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return `${text}'${value.cut ? "…" : ""}${value.$type === "bytes" ? "" : ")"}`;
}

// The name of the colour of a value.
export function classifyValue(value: Value | undefined): string {
  if (value === null || value === true || value === false || typeof value === "number") return "number";
  if (typeof value === "string") return "string";
  if (value === undefined) return "plain";
  if (value.$type === "unbound" || value.$type === "lost" || value.$type === "redacted") return "absent";
  if (value.$type === "str" || value.$type.startsWith("byte")) return "string";
  if (value.$type === "int" || value.$type === "float" || value.$type === "complex") return "number";
  return "object";
}
