// The list of runs, updated while programs run, with filter, comparison, export, import, pin and deletion.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Daemon, generation } from "../data/api";
import { ask, getBackend, say, sayError } from "../data/app_state";
import {
  formatBytes,
  formatCommand,
  formatCount,
  formatDuration,
  formatExit,
  hasFailed,
  formatPlural,
  decodeLine,
  measureNs,
  formatStart,
} from "../data/format";
import { go, route, makeRunAddress } from "../data/route";
import { Head, Logo } from "../parts/shell";
import type { Run } from "../data/types";

const POLL_MS = 1000;
const STEP = 200; // rows in the document before "Show more"

function useRuns(): Run[] | null {
  const [runs, setRuns] = useState<Run[] | null>(null);
  useEffect(() => {
    let stop = false;
    let timer = 0;
    const load = async () => {
      try {
        const list = await getBackend().list<Run>("runs");
        if (!stop) setRuns(list);
      } catch {
        // The banner reports a lost connection.
      }
      if (!stop) timer = window.setTimeout(load, document.hidden ? POLL_MS * 10 : POLL_MS);
    };
    load();
    return () => {
      stop = true;
      clearTimeout(timer);
    };
  }, [generation.value]);
  return runs;
}

async function exportRun(run: Run) {
  try {
    const blob = await (getBackend() as Daemon).exportRun(run.id, "smiley", () => undefined);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${run.id}.smiley`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    sayError(error);
  }
}

async function deleteRuns(runs: Run[]) {
  const what = runs.length === 1 ? `${runs[0].id}  ${formatCommand(runs[0])}` : formatPlural(runs.length, "run");
  const events = runs.reduce((sum, run) => sum + run.events, 0);
  const yes = await ask("Delete permanently?", `${what}: ${formatPlural(events, "event")}`, "Delete");
  if (!yes) return;
  try {
    await getBackend().ask("delete", { runs: runs.map((run) => run.id) });
    say(runs.length === 1 ? `run ${runs[0].id} deleted` : `${runs.length} runs deleted`);
  } catch (error) {
    sayError(error);
  }
}

async function pinRun(run: Run) {
  try {
    await getBackend().ask("pin", { run: run.id, pinned: !run.pinned });
    say(
      run.pinned ? `run ${run.id} is no longer pinned` : `run ${run.id} is pinned: it is never deleted automatically`,
    );
  } catch (error) {
    sayError(error);
  }
}

async function importFiles(files: Iterable<File>) {
  for (const file of files) {
    try {
      say(`importing ${file.name} …`);
      const answer = await (getBackend() as Daemon).importFile(file, () => undefined);
      say(answer.already ? `run ${answer.run.id} is already here` : `run ${answer.run.id} imported`);
    } catch (error) {
      sayError(error);
    }
  }
}

function useDrop(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files");
    const enter = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(false);
      importFiles(Array.from(event.dataTransfer!.files));
    };
    addEventListener("dragenter", enter);
    addEventListener("dragover", enter);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragover", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return over;
}

export function RunsPage() {
  const runs = useRuns();
  const query = route.value.query;
  const text = query.get("filter") ?? "";
  const only = query.get("only") ?? "";
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [rows, setRows] = useState(STEP);
  const over = useDrop();
  const setQuery = (filter: string, which: string) => {
    const next = new URLSearchParams();
    if (filter) next.set("filter", filter);
    if (which) next.set("only", which);
    const search = next.toString();
    go(`#/${search ? `runs?${search}` : ""}`, true);
  };
  const fitting = useMemo(() => {
    const wanted = text.toLowerCase();
    return (runs ?? []).filter(
      (run) =>
        (only === "" || (only === "failed" ? hasFailed(run) : run.state === "running")) &&
        (wanted === "" ||
          `${run.id} ${formatCommand(run)} ${decodeLine(run.name)} ${formatExit(run)}`
            .toLowerCase()
            .includes(wanted)),
    );
  }, [runs, text, only]);
  const picked = (runs ?? []).filter((run) => chosen.has(run.id));
  const pick = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return (
    <div class={over ? "page dropping" : "page"}>
      <Head />
      <main class="runs">
        <RunsBar text={text} only={only} setQuery={setQuery} picked={picked} clear={() => setChosen(new Set())} />
        {runs === null ? (
          <p class="quiet">Loading …</p>
        ) : runs.length === 0 ? (
          <Empty />
        ) : fitting.length === 0 ? (
          <p class="quiet">
            No runs match. <button onClick={() => setQuery("", "")}>Show all {runs.length}</button>
          </p>
        ) : (
          <RunTable runs={fitting.slice(0, rows)} chosen={chosen} pick={pick} />
        )}
        {fitting.length > rows && (
          <button onClick={() => setRows(rows + STEP * 5)}>Show more of {formatCount(fitting.length)}</button>
        )}
      </main>
      {over && (
        <div class="drop-hint">
          <div>Drop an exported run to import it</div>
        </div>
      )}
    </div>
  );
}

// Filter, and the actions for the selected runs.
function RunsBar({
  text,
  only,
  setQuery,
  picked,
  clear,
}: {
  text: string;
  only: string;
  setQuery: (filter: string, which: string) => void;
  picked: Run[];
  clear: () => void;
}) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <div class="runs-bar">
      <h1>Runs</h1>
      <input
        type="search"
        placeholder="Filter by command, name, id, exception"
        aria-label="Filter runs"
        value={text}
        onInput={(event) => setQuery(event.currentTarget.value, only)}
      />
      <div class="chips" role="group" aria-label="Which runs">
        {[
          ["", "all"],
          ["running", "running"],
          ["failed", "failed"],
        ].map(([value, name]) => (
          <button key={name} aria-pressed={only === value} onClick={() => setQuery(text, value)}>
            {name}
          </button>
        ))}
      </div>
      <span class="grow" />
      {picked.length === 2 && (
        <a class="button" href={`#/compare/${picked[0].id}/${picked[1].id}`}>
          Compare
        </a>
      )}
      {picked.length > 0 && (
        <button class="danger" onClick={() => deleteRuns(picked).then(clear)}>
          Delete {picked.length}
        </button>
      )}
      <button onClick={() => picker.current?.click()}>Import…</button>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        aria-label="Files to import"
        onChange={(event) => {
          importFiles(Array.from(event.currentTarget.files ?? []));
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}

function RunTable({
  runs,
  chosen,
  pick,
}: {
  runs: Run[];
  chosen: Set<string>;
  pick: (id: string, on: boolean) => void;
}) {
  return (
    <div class="table-box" role="region" aria-label="Runs" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Select</span>
            </th>
            <th scope="col">Command</th>
            <th scope="col">Run</th>
            <th scope="col">Started</th>
            <th scope="col" class="num">
              Duration
            </th>
            <th scope="col" class="num">
              Events
            </th>
            <th scope="col" class="num">
              Lost
            </th>
            <th scope="col">Ended</th>
            <th scope="col" class="num">
              Size
            </th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} chosen={chosen.has(run.id)} pick={pick} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run, chosen, pick }: { run: Run; chosen: boolean; pick: (id: string, on: boolean) => void }) {
  const running = run.state === "running";
  const now = `${BigInt(Date.now()) * 1000000n}`;
  const command = formatCommand(run);
  return (
    <tr class={running ? "running" : hasFailed(run) ? "failed" : ""}>
      <td>
        <input
          type="checkbox"
          aria-label={`Select run ${run.id}`}
          checked={chosen}
          onChange={(event) => pick(run.id, event.currentTarget.checked)}
        />
      </td>
      <td class="command">
        <a href={makeRunAddress(run.id)} title={command}>
          {run.name && (
            <span class="tag">
              <bdi>{decodeLine(run.name)}</bdi>
            </span>
          )}
          <bdi>{command || "(no command)"}</bdi>
        </a>
      </td>
      <td class="mono">{run.id}</td>
      <td class="nowrap">{formatStart(run.start_ns)}</td>
      <td class="num">{formatDuration(measureNs(run.start_ns, run.end_ns ?? now))}</td>
      <td class="num">{formatCount(run.events)}</td>
      <td class="num">
        {run.lost > 0 ? <span class="lost">{formatCount(run.lost)}</span> : <span class="quiet">–</span>}
      </td>
      <td>
        <span class={`state ${running ? "s-running" : hasFailed(run) ? "s-failed" : "s-ok"}`}>{formatExit(run)}</span>
      </td>
      <td class="num">{formatBytes(run.bytes)}</td>
      <td class="row-actions">
        <button
          aria-label={`Pin run ${run.id}`}
          aria-pressed={!!run.pinned}
          title={
            run.pinned ? "Pinned: never deleted automatically; click to unpin" : "Pin: never delete automatically"
          }
          onClick={() => pinRun(run)}
        >
          ⚲
        </button>
        <button aria-label={`Export run ${run.id}`} title="Export as one file" onClick={() => exportRun(run)}>
          ⤓
        </button>
        <button
          aria-label={`Delete run ${run.id}`}
          title={running ? "Running programs cannot be deleted" : run.pinned ? "Unpin it before deleting" : "Delete"}
          disabled={running || !!run.pinned}
          onClick={() => deleteRuns([run])}
        >
          ✕
        </button>
      </td>
    </tr>
  );
}

function Empty() {
  return (
    <section class="empty">
      <Logo />
      <h2>No recordings yet</h2>
      <p>Record a program; it appears here as soon as it starts:</p>
      <pre class="terminal">
        <b>$</b> smiley-run app.py{"\n"}
        <b>$</b> smiley-run -m package.tool{"\n"}
        <b>$</b> smiley-run -c 'print(sum(range(9)))'
      </pre>
      <p class="quiet">
        Or drop a file from <code>smiley-export</code> here to import it.
      </p>
    </section>
  );
}
