// The panels beside the source: variables, stack, threads, calls and output.
import { useState } from "preact/hooks";
import type { CallTrace, MadeCall } from "./call_trace";
import { formatCount, escapeLine, decodeText, decodeLine, baseName } from "../data/format";
import { chosenVariable, goTo, move, listVariables, type Frame, type State } from "../data/moment_state";
import { makeRunAddress } from "../data/route";
import type { RunData } from "../data/run_data";
import { ValueTree } from "../parts/value_tree";
import { askWhy, canAskWhy } from "./why";

export function VariablesPanel({
  run,
  state,
  frame,
  following,
}: {
  run: string;
  state: State;
  frame: Frame | undefined;
  following: boolean;
}) {
  const [filter, setFilter] = useState("");
  if (!frame)
    return (
      <section class="panel grow" aria-label="Variables">
        <div class="panel-head">
          <h2>Variables</h2>
        </div>
        <p class="quiet pad">No function runs here.</p>
      </section>
    );
  const all = listVariables(frame);
  const fits = all.filter(([name]) => name.toLowerCase().includes(filter.toLowerCase()));
  const changed = (name: string) => frame.written?.[name] === state.position;
  const event = state.event;
  const isHere = frame === state.frames[0];
  return (
    <section class="panel grow" aria-label="Variables">
      <div class="panel-head">
        <h2>
          Variables{" "}
          <span class="quiet">
            of <bdi>{decodeLine(frame.function)}</bdi>
          </span>
        </h2>
        {all.length > 12 && (
          <input
            type="search"
            placeholder="filter"
            aria-label="Filter variables"
            value={filter}
            onInput={(input) => setFilter(input.currentTarget.value)}
          />
        )}
      </div>
      <div class="panel-body">
        {isHere && event.exception && (
          <div class="result raised">
            <b>{event.event === "handled" ? "handles" : "raises"}</b>{" "}
            <bdi>
              {decodeLine(event.exception.type)}
              {decodeText(event.exception.message) ? `: ${decodeLine(event.exception.message)}` : ""}
            </bdi>
          </div>
        )}
        {isHere && event.value !== undefined && (
          <ul class="v-list result">
            <ValueTree label={`${event.event === "resume" ? "sent" : `${event.event}s`}`} value={event.value} />
          </ul>
        )}
        {all.length === 0 && <p class="quiet pad">No variables</p>}
        <ul class="v-list" aria-label="Variables">
          {fits.map(([name, value]) => {
            return (
              <ValueTree
                key={`${frame.frame}/${name}`}
                label={escapeLine(name)}
                value={value}
                changed={changed(name)}
                action={<VariableMoves run={run} state={state} frame={frame} name={name} following={following} />}
              />
            );
          })}
        </ul>
      </div>
    </section>
  );
}

// The moves of a variable: its changes, the event that set it, the explanation of its value.
function VariableMoves({
  run,
  state,
  frame,
  name,
  following,
}: {
  run: string;
  state: State;
  frame: Frame;
  name: string;
  following: boolean;
}) {
  const chosen = chosenVariable.value;
  const picked = chosen?.name === name && chosen.frame === frame.frame;
  return (
    <span class={picked ? "v-moves picked" : "v-moves"}>
      <button
        title="previous change (V)"
        aria-label={`previous change of ${escapeLine(name)}`}
        disabled={following}
        onClick={() => {
          chosenVariable.value = { name, frame: frame.frame };
          move(run, state.position, "previous-change", { name, frame: frame.frame });
        }}
      >
        ◂
      </button>
      <button
        title="next change (v)"
        aria-label={`next change of ${escapeLine(name)}`}
        disabled={following}
        onClick={() => {
          chosenVariable.value = { name, frame: frame.frame };
          move(run, state.position, "change", { name, frame: frame.frame });
        }}
      >
        ▸
      </button>
      {canAskWhy() && (
        <button
          title="why does it have this value? (w)"
          aria-label={`why does ${escapeLine(name)} have this value`}
          disabled={following}
          onClick={() => {
            chosenVariable.value = { name, frame: frame.frame };
            askWhy(run, state.position, name, frame.frame);
          }}
        >
          why
        </button>
      )}
      {frame.written?.[name] && frame.written[name] !== state.position && (
        <a
          href={makeRunAddress(run, "", frame.written[name])}
          title={`set at ${frame.written[name]}`}
          aria-label={`go to where ${escapeLine(name)} was set`}
        >
          set
        </a>
      )}
    </span>
  );
}

export function StackPanel({ state, at, choose }: { state: State; at: number; choose: (index: number) => void }) {
  return (
    <section class="panel stack" aria-label="Stack">
      <div class="panel-head">
        <h2>Stack</h2>
        <span class="quiet">{state.frames.length + state.frames_omitted} deep</span>
      </div>
      <ol class="panel-body rows">
        {state.frames.map((frame, index) => (
          <li key={frame.frame}>
            <button
              class={index === at ? "row-button on" : "row-button"}
              aria-current={index === at ? "true" : undefined}
              onClick={() => choose(index)}
            >
              <bdi class="fn">{decodeLine(frame.function) || "?"}</bdi>
              <span class="where">
                <bdi>{baseName(decodeLine(frame.file))}</bdi>
                {frame.line ? `:${frame.line}` : ""}
              </span>
            </button>
          </li>
        ))}
        {state.frames_omitted > 0 && (
          <li class="quiet pad">{formatCount(state.frames_omitted)} outer frames not shown</li>
        )}
        {state.frames_unknown > 0 && (
          <li class="quiet pad">{formatCount(state.frames_unknown)} frames unknown: their calls were lost</li>
        )}
      </ol>
    </section>
  );
}

export function ThreadsPanel({ run, data, state }: { run: string; data: RunData; state: State }) {
  const others = new Map(state.threads.map((one) => [one.thread, one]));
  const task = state.event.task
    ? data.tasks.find((one) => one.process === state.process && one.task === state.event.task)
    : undefined;
  return (
    <section class="panel threads" aria-label="Threads">
      <div class="panel-head">
        <h2>Threads</h2>
        <span class="quiet">at this moment</span>
      </div>
      <ol class="panel-body rows">
        {data.threads.slice(0, 300).map((thread) => {
          const here = thread.thread === state.thread;
          const other = others.get(thread.thread);
          const top = here ? state.frames[0] : other?.frames[0];
          const text =
            here || other
              ? top
                ? `${decodeLine(top.function)} :${top.line ?? "?"}`
                : other?.ended
                  ? "ended"
                  : "idle"
              : "not started";
          return (
            <li key={thread.thread}>
              <button
                class={here ? "row-button on" : "row-button"}
                disabled={!here && !other}
                aria-current={here ? "true" : undefined}
                onClick={() => other && goTo(run, other.position)}
              >
                <span class={`lane-dot lane-${thread.thread % 6}`} aria-hidden="true" />
                <bdi class="fn">{decodeLine(thread.name) || `thread ${thread.thread}`}</bdi>
                <span class="where">
                  <bdi>{other?.ended ? "ended" : text}</bdi>
                </span>
              </button>
              {here && task && (
                <div class="task">
                  task <bdi>{decodeLine(task.name)}</bdi>
                </div>
              )}
            </li>
          );
        })}
        {data.threads.length > 300 && (
          <li class="quiet pad">
            {formatCount(data.threads.length - 300)} more: see <a href={makeRunAddress(run, "threads")}>Threads</a>
          </li>
        )}
      </ol>
    </section>
  );
}

const FOLD_FROM = 5; // consecutive calls of one function that are folded into one row

function foldCalls(calls: MadeCall[]): { call: MadeCall; times: number }[] {
  const rows: { call: MadeCall; times: number }[] = [];
  for (let from = 0, to = 0; from < calls.length; from = to) {
    while (to < calls.length && calls[to].name === calls[from].name) to++;
    if (to - from >= FOLD_FROM) rows.push({ call: calls[from], times: to - from });
    else for (const call of calls.slice(from, to)) rows.push({ call, times: 1 });
  }
  return rows;
}
// The name without the functions that enclose it.
const shortenName = (name: string) =>
  name.slice(name.lastIndexOf("<locals>.") + 1 ? name.lastIndexOf("<locals>.") + 9 : 0);

export function CallsPanel({ run, state, trace }: { run: string; state: State; trace: CallTrace | null }) {
  const calls = trace?.calls ?? [];
  const parents = [...state.frames].reverse();
  return (
    <section class="panel grow calls" aria-label="Calls">
      <div class="panel-head">
        <h2>Call tree</h2>
        <span class="quiet">up to here</span>
      </div>
      <ol class="panel-body rows tree">
        {parents.slice(-6).map((frame, index, all) => (
          <li
            key={frame.frame}
            class={index === all.length - 1 ? "tree-here" : ""}
            style={{ paddingLeft: `${index * 10}px` }}
          >
            <bdi class="fn">{decodeLine(frame.function)}</bdi>
          </li>
        ))}
        {trace && !trace.whole && calls.length > 0 && <li class="quiet pad">earlier calls are not shown</li>}
        {foldCalls(calls)
          .slice(-100)
          .map(({ call, times }) => (
            <li key={call.position} style={{ paddingLeft: `${Math.min(parents.length, 6) * 10}px` }}>
              <a href={makeRunAddress(run, "", call.position)} class="call-link" title={call.name}>
                <bdi class="fn">{shortenName(call.name)}</bdi>
                {times > 1 ? (
                  <span class="where">× {formatCount(times)}</span>
                ) : (
                  <span class={call.raised ? "raised-text" : "where"}>
                    <bdi>{call.open ? "…" : call.raised ? `✕ ${call.result}` : `→ ${call.result}`}</bdi>
                  </span>
                )}
              </a>
            </li>
          ))}
        {calls.length === 0 && <li class="quiet pad">No recorded calls from here</li>}
      </ol>
    </section>
  );
}

export function OutputPanel({ run, state }: { run: string; state: State }) {
  return (
    <section class="panel output" aria-label="Output">
      <div class="panel-head">
        <h2>Output</h2>
        <span class="quiet">so far</span>
      </div>
      <div class="panel-body output-text" tabIndex={0} role="region" aria-label="Output so far">
        {state.output_cut && <div class="quiet">… earlier output is not shown</div>}
        {state.output.length === 0 && <div class="quiet">No output yet</div>}
        {splitLines(state).map((line, index) => (
          <div key={index} class="out-line">
            {line.map((part, at) => (
              <a
                key={at}
                class={part.stream === "stderr" ? "err" : ""}
                href={makeRunAddress(run, "", part.position)}
                title={`written at ${part.position}`}
              >
                <bdi>{escapeLine(part.text) || " "}</bdi>
              </a>
            ))}
          </div>
        ))}
      </div>
    </section>
  );
}

// Joins writes to lines (one print is several writes). Each part links to its own event.
function splitLines(state: State): { text: string; stream: string; position: string }[][] {
  const lines: { text: string; stream: string; position: string }[][] = [];
  let open: { text: string; stream: string; position: string }[] | null = null;
  for (const write of state.output) {
    const parts = decodeText(write.text).split("\n");
    parts.forEach((text, index) => {
      if (index > 0) open = null;
      if (text === "" && index === parts.length - 1) return;
      if (!open) lines.push((open = []));
      open.push({ text: text.slice(0, 2000), stream: write.stream, position: write.position });
    });
  }
  return lines;
}
