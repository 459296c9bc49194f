// Every key of the page and its effect: the list that `?` shows.

export interface Key {
  keys: string;
  what: string;
}
export const KEYS: { title: string; keys: Key[] }[] = [
  {
    title: "Move through time",
    keys: [
      { keys: "→ ←", what: "next, previous line of this call (steps over calls)" },
      { keys: "↓ ↑", what: "next, previous event of this thread (steps into calls)" },
      { keys: "o O", what: "go to the end, start of this call" },
      { keys: "v V", what: "next, previous change of the selected variable" },
      { keys: "w", what: "why does the selected variable have this value?" },
      { keys: "l L", what: "next, previous time the selected line ran" },
      { keys: "c C", what: "next, previous call of this function" },
      { keys: "x X", what: "next, previous exception" },
      { keys: "n N", what: "next, previous result of the search" },
      { keys: "Home End", what: "start, end of this thread" },
      { keys: "Alt+← Alt+→", what: "back and forward, as in any web page" },
    ],
  },
  {
    title: "Look around",
    keys: [
      { keys: "[ ]", what: "inner, outer frame of the stack" },
      { keys: "t T", what: "next, previous thread" },
      { keys: "+ -", what: "zoom the timeline in, out" },
      { keys: "0", what: "show the whole run in the timeline" },
      { keys: "k", what: "show asyncio tasks in the timeline (cycles: off, in order, busiest first)" },
      { keys: "f", what: "follow a running program, or stop following" },
      { keys: "/", what: "search" },
      { keys: "g", what: "go to a position, like 1:17, or a line, like shop.py:12" },
      { keys: "1 2 … 9", what: "the views: moment, events, search, files, …" },
      { keys: "?", what: "this help" },
    ],
  },
];

// Whether a key event belongs to a field that has the focus.
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest("input, textarea, select, [contenteditable], dialog");
}
