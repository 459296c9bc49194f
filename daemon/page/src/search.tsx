// Searching a run with an expression: results as they are found, on the timeline too, and walked by n and N.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { backend } from "./app_state";
import type { Stream } from "./backend";
import { count, plainText, plural, shown, inline } from "./format";
import { Statement } from "./events";
import { found, searching, searchRun, searchText } from "./search_state";
import { route, runAddress } from "./route";
import type { RunData } from "./run_data";
import type { EventObject } from "./types";
import { Place, Position, setQuery, Trouble } from "./view_parts";
import { valueText } from "./value_text";

const MOST = 5000; // results that are kept
const SHOWN = 300;
const EXAMPLES = ['event == raise', 'event == return and value == None', 'function == "main"', 'amount changed', 'event == stdout and value ~ "error"'];
let running: Stream | null = null;

function search(run: string, text: string, onError: (text: string) => void) {
  running?.close();
  searchRun.value = run;
  searchText.value = text;
  found.value = [];
  if (text === "") {
    searching.value = false;
    return;
  }
  searching.value = true;
  let all: EventObject[] = [];
  let due = false;
  const show = () => {
    due = false;
    found.value = [...all];
  };
  const stream = backend().stream("replay", { run, where: text, source: true, limit: MOST }, (event) => {
    all.push(event);
    if (!due) {
      due = true;
      setTimeout(show, 80);
    }
  });
  running = stream;
  stream.done.then(
    () => {
      if (running !== stream) return;
      show();
      searching.value = false;
    },
    (error) => {
      if (running !== stream) return;
      searching.value = false;
      all = [];
      found.value = [];
      onError(error instanceof Error ? error.message : String(error));
    });
}

export function SearchView({ data }: { data: RunData }) {
  const id = data.run.id;
  const asked = route.value.query.get("where") ?? "";
  const [text, setText] = useState(asked);
  const [error, setError] = useState("");
  const field = useRef<HTMLInputElement>(null);
  // Before anybody can type: what is typed stays.
  useLayoutEffect(() => {
    setText(asked);
    if (asked !== searchText.value || searchRun.value !== id) {
      setError("");
      search(id, asked, setError);
    }
  }, [asked, id]);
  useEffect(() => field.current?.focus(), []);
  const results = searchRun.value === id ? found.value : [];
  return (
    <main class="view">
      <form class="view-bar" role="search" onSubmit={(event) => { event.preventDefault(); setError(""); searchText.value = "\0"; setQuery({ where: text }, false); }}>
        <h2>Search</h2>
        <input ref={field} class="expression" type="text" spellcheck={false} autocomplete="off" aria-label="Expression" value={text}
          placeholder='function == "pay" and amount < 0' onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit">Find</button>
        {searching.value && <button type="button" onClick={() => { running?.close(); running = null; searching.value = false; }}>Stop</button>}
        <span class="quiet" role="status">{asked === "" ? "" : searching.value ? `${plural(results.length, "event")} so far …`
          : `${plural(results.length, "event")}${results.length >= MOST ? ", more were not looked for" : ""}`}</span>
      </form>
      <Trouble error={error} />
      {asked === "" && (backend().kind === "report" ? (
        <p class="examples">A report finds texts: in the kinds of events, functions, files, source lines, values and exceptions. Expressions
          are for smiley-web.</p>
      ) : (
        <div class="examples"><p>Every event of the run is asked whether this holds. For example:</p>
          <ul>{EXAMPLES.map((one) => <li key={one}><button onClick={() => setQuery({ where: one }, false)}><code>{one}</code></button></li>)}</ul>
          <p class="quiet">Names: event function file line thread process task depth value exception, and the program's variables with their
            attributes and items. <code>~</code> finds a text in a text, <code>x changed</code> is true where it changed.</p></div>
      ))}
      {results.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label="Results">
          <table class="table events">
            <thead><tr><th scope="col">Position</th><th scope="col">Where</th><th scope="col">Event</th><th scope="col">Statement</th><th scope="col">Data</th></tr></thead>
            <tbody>{results.slice(0, SHOWN).map((event) => (
              <tr key={`${event.thread}:${event.seq}`}>
                <td><Position run={id} at={`${event.thread}:${event.seq}`} /></td>
                <td class="nowrap"><Place run={id} file={event.file} line={event.line} source={event.source} /> <span class="quiet"><bdi>{shown(event.function)}</bdi></span></td>
                <td><span class={`event-kind e-${event.event}`}>{event.event}</span></td>
                <td class="statement"><a href={runAddress(id, "", `${event.thread}:${event.seq}`)}><Statement text={plainText(event.text) || " "} /></a></td>
                <td class="data">{event.exception ? <bdi class="raised-text">{shown(event.exception.type)}: {shown(event.exception.message)}</bdi>
                  : event.value !== undefined ? <bdi>{valueText(event.value, 80)}</bdi>
                  : Object.entries(event.changed ?? {}).slice(0, 4).map(([name, value]) => <span key={name} class="pill"><bdi>{inline(name)} = {valueText(value, 40)}</bdi></span>)}</td>
              </tr>
            ))}</tbody>
          </table>
          {results.length > SHOWN && <p class="quiet pad">The first {SHOWN} of {count(results.length)} are listed; all are on the timeline, n and N walk through them.</p>}
        </div>
      )}
    </main>
  );
}
