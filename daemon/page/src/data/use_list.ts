// A stream of lines as a growing list, with its end line.
import { useEffect, useState } from "preact/hooks";
import { generation } from "./api";
import { getBackend } from "./app_state";
import type { Fields } from "./wire_json";

export interface Loaded<T> {
  items: T[];
  end: Record<string, any> | null;
  error: string;
}

// Requests the stream again when `key` changes; null: no request. When only `age` changes, the old list stays until the
// new one is complete.
export function useList<T>(key: string | null, op: string, fields: Fields, age: string | number = ""): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; loaded: Loaded<T> }>({
    key: null,
    loaded: { items: [], end: null, error: "" },
  });
  useEffect(() => {
    if (key === null) return;
    let items: T[] = [];
    let stop = false;
    let due = false;
    let ended: Record<string, any> | null = null;
    const again = state.key === key && state.loaded.end !== null;
    const show = (error: string) => !stop && setState({ key, loaded: { items, end: ended, error } });
    const stream = getBackend().stream(op, fields, (object) => {
      items.push(object);
      if (due || again) return;
      due = true;
      setTimeout(() => {
        due = false;
        items = [...items];
        show("");
      }, 60);
    });
    stream.done.then(
      (end) => {
        ended = end as Record<string, any>;
        show("");
      },
      (error) => show(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      stop = true;
      stream.close();
    };
  }, [key, age, generation.value]);
  return state.key === key ? state.loaded : { items: [], end: null, error: "" };
}
