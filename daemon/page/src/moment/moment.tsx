// The moment view: one moment of a run. The source is in the middle, panels are around it, the timeline is below.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { generation } from "../data/api";
import { say } from "../data/app_state";
import { useCallTrace } from "./call_trace";
import { baseName, formatCount, formatDuration, decodeText, decodeLine, measureNs } from "../data/format";
import { askPlace } from "../parts/go_box";
import { isTyping } from "../parts/keys";
import {
  chosenLine,
  chosenVariable,
  goTo,
  loadState,
  move,
  takeAhead,
  type Frame,
  type Loading,
  type State,
} from "../data/moment_state";
import { go, route, makeRunAddress, VIEWS } from "../data/route";
import { useLines, type RunData } from "../data/run_data";
import { CallsPanel, OutputPanel, StackPanel, ThreadsPanel, VariablesPanel } from "./side_panels";
import { SourceView } from "../parts/source_view";
import { TasksPanel } from "./tasks_panel";
import { Timeline, type TimelineHandle } from "./timeline";
import { found, goToFound } from "../views/search_state";
import { askWhy, canAskWhy, WhyPanel } from "./why";
import { RequestError } from "../data/wire_json";

const FOLLOW_MS = 400;
const MOVES: [string, string, string, string][] = [
  ["back-out", "⇤", "Go to the start of this call", "O"],
  ["previous", "↑", "Previous event", "↑"],
  ["back-over", "←", "Previous line (steps over calls)", "←"],
  ["over", "→", "Next line (steps over calls)", "→"],
  ["next", "↓", "Next event (steps into calls)", "↓"],
  ["out", "⇥", "Go to the end of this call", "o"],
];

const explainSelection = (key: string) => `select a variable first with its ◂ or ▸, then press ${key}`;

// The place that a run opens at: the exception that ended it, or its end.
function chooseFirstPlace(data: RunData): string {
  return data.run.state !== "running" && data.run.uncaught ? "exception" : "end";
}

function useMoment(id: string, data: RunData): { state: State | null; error: string; following: boolean } {
  const place = route.value.rest;
  const [state, setState] = useState<State | null>(null);
  const [error, setError] = useState("");
  const running = data.run.state === "running";
  const following = running && place === "";
  useEffect(() => {
    let stop = false;
    let timer = 0;
    let loading: Loading | null = takeAhead(route.value.run, place);
    const load = async () => {
      try {
        loading ??= loadState(id, place || chooseFirstPlace(data));
        const next = await loading.state;
        if (stop) return;
        setState(next);
        setError("");
      } catch (failure) {
        if (stop) return;
        if (!(failure instanceof RequestError && failure.code === "gone"))
          setError(failure instanceof Error ? failure.message : String(failure));
      }
      loading = null;
      if (following && !stop) timer = window.setTimeout(load, FOLLOW_MS);
    };
    load();
    return () => {
      stop = true;
      loading?.close();
      clearTimeout(timer);
    };
  }, [id, place, following, generation.value]);
  return { state, error, following };
}

export function MomentView({ data }: { data: RunData }) {
  const id = data.run.id;
  const { state, error, following } = useMoment(id, data);
  const [frameAt, setFrameAt] = useState(0);
  const timeline = useRef<TimelineHandle>(null);
  useEffect(() => setFrameAt(0), [state?.position]);
  const trace = useCallTrace(id, state);
  const frame = state?.frames[Math.min(frameAt, state.frames.length - 1)];
  const lines = useLines(id, frame?.source);
  useMoveKeys(id, data, state, following, timeline, frameAt, setFrameAt);
  if (error && !state)
    return (
      <main class="message">
        <h1>Nothing to show here</h1>
        <p>
          <bdi>{error}</bdi>
        </p>
        <p>
          <a href={makeRunAddress(id)}>Back to the run</a>
        </p>
      </main>
    );
  if (!state) return <main class="message quiet">Loading …</main>;
  const top = frameAt === 0;
  const raised = state.event.event === "raise" || state.event.event === "unwind" || state.event.event === "throw";
  const file = decodeText(frame?.file);
  const chosen = chosenLine.value?.file === file ? chosenLine.value.line : null;
  return (
    <main class="moment" data-position={state.position}>
      <div class="left">
        <ThreadsPanel run={id} data={data} state={state} />
        <TasksPanel run={id} data={data} state={state} />
        <CallsPanel run={id} state={state} trace={trace} />
      </div>
      <section class="panel middle" aria-label="Source">
        <MoveBar id={id} data={data} state={state} following={following} />
        <FileBar id={id} state={state} frame={frame} chosen={chosen} />
        {lines ? (
          <SourceView
            lines={lines}
            current={frame?.line}
            chosen={chosen}
            raised={raised && top}
            label={`Source of ${baseName(decodeLine(frame?.file))}`}
            notes={top && trace ? trace.notes : undefined}
            onLine={(line) => (chosenLine.value = { file, line })}
          />
        ) : (
          <p class="quiet pad">
            {frame?.source
              ? "Loading the source …"
              : frame
                ? "The source of this code was not recorded."
                : "No function runs at this event."}
          </p>
        )}
        {state.event.event === "lost" && (
          <div class="lost-banner">{formatCount(state.event.count ?? 0)} events were lost here</div>
        )}
      </section>
      <div class="right">
        <StackPanel state={state} at={frameAt} choose={setFrameAt} />
        <WhyPanel run={id} />
        <VariablesPanel run={id} state={state} frame={frame} following={following} />
      </div>
      <div class="below">
        <Timeline run={id} data={data} state={state} handle={timeline} found={found.value} />
        <OutputPanel run={id} state={state} />
      </div>
    </main>
  );
}

function MoveBar({ id, data, state, following }: { id: string; data: RunData; state: State; following: boolean }) {
  return (
    <div class="move-bar" role="toolbar" aria-label="Moves">
      {MOVES.map(([kind, sign, what, key]) => (
        <button
          key={kind}
          title={`${what} (${key})`}
          aria-label={what}
          disabled={following}
          onClick={() => move(id, state.position, kind)}
        >
          {sign}
        </button>
      ))}
      <span class={`event-kind e-${state.event.event}`}>{state.event.event}</span>
      <a class="position" href={makeRunAddress(id, "", state.position)} title="Link to this moment">
        {state.position}
      </a>
      <span class="quiet nowrap">
        {formatDuration(measureNs(data.run.start_ns, state.time_ns))} after start · event {formatCount(state.seq)} of{" "}
        {formatCount(state.last_seq)}
      </span>
      <span class="grow" />
      {data.run.state === "running" && (
        <button
          aria-pressed={following}
          title="Follow the end (f)"
          onClick={() => (following ? goTo(id, state.position) : go(makeRunAddress(id)))}
        >
          {following ? "following live" : "follow"}
        </button>
      )}
    </div>
  );
}

// The file and function of a frame, and the moves of the selected line.
function FileBar({
  id,
  state,
  frame,
  chosen,
}: {
  id: string;
  state: State;
  frame: Frame | undefined;
  chosen: number | null;
}) {
  const file = decodeText(frame?.file);
  return (
    <div class="file-bar">
      <bdi title={decodeLine(frame?.file)}>{decodeLine(frame?.file) || "outside any function"}</bdi>
      {frame?.function && (
        <b>
          <bdi>{decodeLine(frame.function)}</bdi>
        </b>
      )}
      {chosen && (
        <span class="line-moves">
          line {chosen}
          <button
            aria-label={`previous execution of line ${chosen}`}
            onClick={() => move(id, state.position, "previous-line", { file, line: chosen })}
          >
            ◂
          </button>
          <button
            aria-label={`next execution of line ${chosen}`}
            onClick={() => move(id, state.position, "line", { file, line: chosen })}
          >
            ▸
          </button>
        </span>
      )}
    </div>
  );
}

function useMoveKeys(
  id: string,
  data: RunData,
  state: State | null,
  following: boolean,
  timeline: { current: TimelineHandle | null },
  frameAt: number,
  setFrameAt: (index: number) => void,
) {
  // A layout effect: the keys belong to the shown moment as soon as it is in the document, not one frame later.
  useLayoutEffect(() => {
    if (!state) return;
    const frame = state.frames[Math.min(frameAt, state.frames.length - 1)];
    const go1 = (kind: string, fields = {}) => move(id, state.position, kind, fields);
    const keys: Record<string, () => void> = {
      ArrowRight: () => go1("over"),
      ArrowLeft: () => go1("back-over"),
      ArrowDown: () => go1("next"),
      ArrowUp: () => go1("previous"),
      o: () => go1("out"),
      O: () => go1("back-out"),
      x: () => go1("exception"),
      X: () => go1("previous-exception"),
      c: () => frame && go1("call", { function: decodeText(frame.function) }),
      C: () => frame && go1("previous-call", { function: decodeText(frame.function) }),
      v: () => variable("change"),
      V: () => variable("previous-change"),
      w: () => {
        const chosen = chosenVariable.value;
        if (!chosen) say(explainSelection("w"));
        else if (canAskWhy()) askWhy(id, state.position, chosen.name, chosen.frame);
      },
      l: () => line("line"),
      L: () => line("previous-line"),
      Home: () => goTo(id, `${state.thread}:1`),
      End: () => goTo(id, `${state.thread}:${state.last_seq}`),
      t: () => thread(1),
      T: () => thread(-1),
      "+": () => timeline.current?.zoom(0.4),
      "=": () => timeline.current?.zoom(0.4),
      "-": () => timeline.current?.zoom(2.5),
      "0": () => timeline.current?.whole(),
      k: () => timeline.current?.tasks(),
      n: () => goToFound(state, 1, id),
      N: () => goToFound(state, -1, id),
      f: () => {
        if (data.run.state !== "running") say("this run has ended");
        else if (following) goTo(id, state.position);
        else go(makeRunAddress(id));
      },
      "[": () => setFrameAt(Math.max(0, frameAt - 1)),
      "]": () => setFrameAt(Math.min(state.frames.length - 1, frameAt + 1)),
    };
    const variable = (kind: string) => {
      const chosen = chosenVariable.value;
      if (!chosen) say(explainSelection(kind === "change" ? "v" : "V"));
      else go1(kind, { name: chosen.name, frame: chosen.frame });
    };
    const line = (kind: string) => {
      const chosen = chosenLine.value ?? (frame?.line ? { file: decodeText(frame.file), line: frame.line } : null);
      if (chosen) go1(kind, { file: chosen.file, line: chosen.line });
    };
    const thread = (by: number) => {
      const all = [
        ...state.threads.filter((one) => !one.ended).map((one) => ({ thread: one.thread, position: one.position })),
        { thread: state.thread, position: state.position },
      ].sort((a, b) => a.thread - b.thread);
      const at = all.findIndex((one) => one.thread === state.thread);
      if (all.length < 2) say("no other thread runs at this moment");
      else goTo(id, all[(at + by + all.length) % all.length].position);
    };
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const inLanes = (event.target as HTMLElement | null)?.closest(".source, .output-text");
      if (inLanes && (event.key === "Home" || event.key === "End")) return;
      const done = keys[event.key];
      if (!done) return;
      event.preventDefault();
      done();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

// Handles the keys of all views of a run: 1 to 9, search, go to.
export function useViewKeys(id: string) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const number = Number(event.key);
      if (number >= 1 && number <= VIEWS.length) go(makeRunAddress(id, VIEWS[number - 1]));
      else if (event.key === "/") go(makeRunAddress(id, "search"));
      else if (event.key === "g") askPlace(id);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [id]);
}
