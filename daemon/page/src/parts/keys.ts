// Every key of the page, and what it does: the list that `?` shows.

export interface Key {
  keys: string;
  what: string;
}
export const KEYS: { title: string; keys: Key[] }[] = [
  {
    title: "Move through time",
    keys: [
      { keys: "→ ←", what: "next, previous line of this call (over calls)" },
      { keys: "↓ ↑", what: "next, previous event of this thread (into calls)" },
      { keys: "o O", what: "out of this call: to its end, to its beginning" },
      { keys: "v V", what: "next, previous change of the chosen variable" },
      { keys: "w", what: "why has the chosen variable this value?" },
      { keys: "l L", what: "next, previous execution of the chosen line" },
      { keys: "c C", what: "next, previous call of this function" },
      { keys: "x X", what: "next, previous exception" },
      { keys: "n N", what: "next, previous result of the search" },
      { keys: "Home End", what: "beginning, end of this thread" },
      { keys: "Alt+← Alt+→", what: "back and forward, as in any page" },
    ],
  },
  {
    title: "Look around",
    keys: [
      { keys: "[ ]", what: "inner, outer function of the stack" },
      { keys: "t T", what: "next, previous thread" },
      { keys: "+ -", what: "zoom the timeline in, out" },
      { keys: "0", what: "the whole run in the timeline" },
      { keys: "k", what: "lanes of asyncio tasks in the timeline: none, by first appearance, busiest first" },
      { keys: "f", what: "follow the end of a running program, or hold still" },
      { keys: "/", what: "search" },
      { keys: "g", what: "go to a position, like 1:17, or a line, like shop.py:12" },
      { keys: "1 2 … 9", what: "the views: moment, events, search, files, …" },
      { keys: "?", what: "this help" },
    ],
  },
];

// Keys typed into a field belong to the field.
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest("input, textarea, select, [contenteditable], dialog");
}
