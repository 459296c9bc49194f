// Splits Python source into coloured pieces, line by line (lezer).
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";
import { parser } from "@lezer/python";

export interface Piece {
  text: string;
  style: string;
}

const STYLES = tagHighlighter([
  {
    tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword, tags.operatorKeyword],
    class: "t-k",
  },
  { tag: [tags.string, tags.special(tags.string)], class: "t-s" },
  { tag: [tags.number, tags.bool, tags.null], class: "t-n" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], class: "t-c" },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)], class: "t-d" },
  { tag: tags.meta, class: "t-m" },
]);
const MAX_CHARS = 600_000; // longer sources stay plain: parsing them would take too long

const cache = new WeakMap<string[], Piece[][]>();

export function highlight(lines: string[]): Piece[][] {
  const before = cache.get(lines);
  if (before) return before;
  const code = lines.join("\n");
  let out: Piece[][] = [[]];
  if (code.length > MAX_CHARS) {
    out = lines.map((text) => [{ text, style: "" }]);
  } else {
    highlightCode(
      code,
      parser.parse(code),
      STYLES,
      (text, style) => out[out.length - 1].push({ text, style }),
      () => out.push([]),
    );
  }
  cache.set(lines, out);
  return out;
}
