// A value as a tree that the user opens level by level.
import { useState } from "preact/hooks";
import { escapeLine, escapeHidden } from "../data/format";
import type { Value, ValueObject } from "../data/types";
import { formatCut, isMapping, isObject, classifyValue, formatValue } from "./value_text";

const STEP = 100; // children in the document before "show more"

interface Child {
  label: string;
  value: Value;
}

function listChildren(value: Value | undefined): Child[] {
  if (!isObject(value)) return [];
  const out: Child[] = [];
  if (Array.isArray(value.items)) {
    const pairs = isMapping(value);
    value.items.forEach((item, index) => {
      if (pairs && Array.isArray(item))
        out.push({ label: formatValue(item[0] as Value, 40), value: item[1] as Value });
      else out.push({ label: String(index), value: item as Value });
    });
  }
  for (const [name, attribute] of Object.entries(value.attributes ?? {}))
    out.push({ label: `.${escapeLine(name)}`, value: attribute });
  for (const [name, part] of Object.entries(value)) {
    if (["args", "notes", "cause", "context"].includes(name) && part !== null)
      out.push({ label: name, value: part as Value });
  }
  return out;
}

const isLong = (value: Value | undefined) =>
  (typeof value === "string" && (value.length > 60 || value.includes("\n"))) ||
  (isObject(value) && value.$type === "str" && typeof value.text === "string");

export function ValueTree({
  label,
  value,
  changed,
  deep = 0,
  action,
  note,
}: {
  label: string;
  value: Value | undefined;
  changed?: boolean;
  deep?: number;
  action?: preact.ComponentChildren;
  note?: string;
}) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(STEP);
  const children = open ? listChildren(value) : [];
  const opens =
    isLong(value) ||
    (isObject(value) &&
      ((value.items?.length ?? 0) > 0 || Object.keys(value.attributes ?? {}).length > 0 || value.args !== undefined));
  const cut = isObject(value) ? formatCut(value) : "";
  const head = (
    <>
      <span class="v-caret" aria-hidden="true">
        {opens ? (open ? "▾" : "▸") : ""}
      </span>
      <bdi class="v-name">{label}</bdi>
      <bdi class={`v-text v-${classifyValue(value)}`}>{formatValue(value, 90)}</bdi>
    </>
  );
  return (
    <li class={changed ? "v changed" : "v"}>
      <div class="v-row" style={{ paddingLeft: `${deep * 14}px` }}>
        {opens ? (
          <button class="v-head" aria-expanded={open} onClick={() => setOpen(!open)}>
            {head}
          </button>
        ) : (
          <span class="v-head">{head}</span>
        )}
        {changed && <span class="v-badge">changed</span>}
        {note && <span class="v-note">{note}</span>}
        {action}
      </div>
      {open && isLong(value) && (
        <pre class="v-long" tabIndex={0}>
          <bdi>{escapeHidden(readLongText(value))}</bdi>
        </pre>
      )}
      {open && children.length > 0 && (
        <ul class="v-list">
          {children.slice(0, shown).map((child, index) => (
            <ValueTree key={index} label={child.label} value={child.value} deep={deep + 1} />
          ))}
        </ul>
      )}
      {open && children.length > shown && (
        <button class="v-more" onClick={() => setShown(shown + STEP * 5)}>
          show {Math.min(STEP * 5, children.length - shown)} of {children.length - shown} more
        </button>
      )}
      {open && cut && (
        <div class="v-cut" style={{ paddingLeft: `${deep * 14 + 22}px` }}>
          {cut}
        </div>
      )}
      {open && isObject(value) && value.asof && <div class="v-cut">as it was at {escapeLine(value.asof)}</div>}
    </li>
  );
}

function readLongText(value: Value | undefined): string {
  if (typeof value === "string") return value;
  const object = value as ValueObject;
  return String(object.text ?? "");
}
