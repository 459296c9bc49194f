// One run: its object, threads, tasks and sources. Loaded once, and every second while the program runs.
import { useEffect, useState } from "preact/hooks";
import { generation } from "./api";
import { getBackend } from "./app_state";
import { decodeText } from "./format";
import { RequestError } from "./wire_json";
import type { Run, Source, Task, Thread } from "./types";

export interface RunData {
  run: Run;
  threads: Thread[];
  tasks: Task[];
  sources: Source[]; // without their texts
}
const POLL_MS = 1000;

// The age of data that is computed from a whole run. While the program runs it changes whenever the run has grown by a
// tenth, so that computing it again costs a constant share.
export const measureGrowth = (run: Run) =>
  run.state === "running" ? Math.floor(Math.log(run.events + 1) / Math.log(1.1)) : "ended";

export function useRun(id: string): { data: RunData | null; error: string } {
  const [data, setData] = useState<RunData | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let stop = false;
    let timer = 0;
    const load = async () => {
      let again = true;
      try {
        const next = await loadRun(id);
        if (stop) return;
        setData(next);
        setError("");
        again = next.run.state === "running";
      } catch (failure) {
        if (stop) return;
        const gone = failure instanceof RequestError && failure.code === "gone";
        if (!gone) {
          setError(failure instanceof Error ? failure.message : String(failure));
          again = false;
        }
      }
      if (again) timer = window.setTimeout(load, POLL_MS);
    };
    load();
    return () => {
      stop = true;
      clearTimeout(timer);
    };
  }, [id, Math.max(1, generation.value)]); // requests wait for the first connection themselves
  return { data, error };
}

async function loadRun(id: string): Promise<RunData> {
  const [answer, threads, tasks, sources] = await Promise.all([
    getBackend().ask("run", { run: id }),
    getBackend().list<Thread>("threads", { run: id }),
    getBackend().list<Task>("tasks", { run: id }),
    getBackend().list<Source>("sources", { run: id, text: false }),
  ]);
  return { run: answer.run as Run, threads, tasks, sources };
}

const MAX_TEXTS = 30; // source texts in the cache
const texts = new Map<string, Promise<string[]>>();

// The lines of a recorded source. The result is cached.
function sourceLines(run: string, source: number): Promise<string[]> {
  const key = `${run}/${source}`;
  const cached = texts.get(key);
  if (cached) return cached;
  const lines = getBackend()
    .list<Source>("sources", { run, source })
    .then((list) => {
      const found = list.find((one) => one.source === source);
      return decodeText(found?.text).split(/\r\n|\r|\n/);
    });
  lines.catch(() => texts.delete(key));
  texts.set(key, lines);
  if (texts.size > MAX_TEXTS) texts.delete(texts.keys().next().value!);
  return lines;
}

export function useLines(run: string, source: number | undefined): string[] | null {
  const [loaded, setLoaded] = useState<{ key: string; lines: string[] } | null>(null);
  const key = `${run}/${source}`;
  useEffect(() => {
    if (!source) return;
    let stop = false;
    sourceLines(run, source).then(
      (lines) => !stop && setLoaded({ key, lines }),
      () => undefined,
    );
    return () => {
      stop = true;
    };
  }, [key, generation.value]);
  return loaded?.key === key ? loaded.lines : null;
}
