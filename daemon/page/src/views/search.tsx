// Searches a run with an expression and shows the results while they arrive.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { getBackend } from "../data/app_state";
import { formatCount, decodeText, formatPlural, decodeLine, escapeLine } from "../data/format";
import { Statement } from "./events";
import {
  counting,
  found,
  foundBefore,
  looking,
  openWindow,
  search,
  searchRun,
  searchText,
  stopSearch,
  total,
  WINDOW,
} from "./search_state";
import { route, makeRunAddress } from "../data/route";
import type { RunData } from "../data/run_data";
import type { EventObject } from "../data/types";
import { Pager, SourceLink, PositionLink, setQuery, Trouble } from "../parts/view_parts";
import { formatValue } from "../parts/value_text";

const ROWS = 200; // results on one page of the table
const EXAMPLES = [
  "event == raise",
  "event == return and value == None",
  'function == "main"',
  "amount changed",
  'event == stdout and value ~ "error"',
];

export function SearchView({ data }: { data: RunData }) {
  const id = data.run.id;
  const asked = route.value.query.get("where") ?? "";
  const [text, setText] = useState(asked);
  const [error, setError] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const tried = useRef(0); // number of the window that was requested last
  // A layout effect runs before anybody can type, so it never overwrites typed text.
  useLayoutEffect(() => {
    setText(asked);
    if (asked !== searchText.value || searchRun.value !== id) {
      setError("");
      search(id, asked, setError);
    }
  }, [asked, id]);
  useEffect(() => field.current?.focus(), []);
  const mine = searchRun.value === id;
  const results = mine ? found.value : [];
  const pages = Math.max(1, Math.ceil(total.value / ROWS));
  const page = Math.max(1, Number(route.value.query.get("page")) || 1);
  const first = (page - 1) * ROWS;
  const wanted = Math.floor(first / WINDOW);
  const atHand = foundBefore.value / WINDOW;
  useEffect(() => {
    if (
      !mine ||
      total.value === 0 ||
      wanted === atHand ||
      looking.value ||
      first >= total.value ||
      tried.current === wanted
    )
      return;
    tried.current = wanted;
    openWindow(wanted).catch((failure) => setError(failure instanceof Error ? failure.message : String(failure)));
  }, [mine, wanted, atHand, total.value > first, looking.value]);
  useEffect(() => {
    if (wanted === atHand) tried.current = wanted;
  }, [wanted, atHand]);
  const shownRows = results.slice(first - foundBefore.value, first - foundBefore.value + ROWS);
  return (
    <main class="view">
      <form
        class="view-bar"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setError("");
          searchText.value = "\0";
          setQuery({ where: text, page: "" }, false);
        }}
      >
        <h2>Search</h2>
        <input
          ref={field}
          class="expression"
          type="text"
          spellcheck={false}
          autocomplete="off"
          aria-label="Expression"
          value={text}
          placeholder='function == "pay" and amount < 0'
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit">Find</button>
        {counting.value && (
          <button type="button" onClick={stopSearch}>
            Stop
          </button>
        )}
        <span class="quiet" role="status">
          {asked === "" ? "" : `${formatPlural(total.value, "event")}${counting.value ? " so far …" : ""}`}
        </span>
        {total.value > ROWS && (
          <>
            <span class="grow" />
            <Pager page={page} pages={pages} />
          </>
        )}
      </form>
      <Trouble error={error} />
      {asked === "" && <Examples />}
      {asked !== "" && total.value > 0 && shownRows.length === 0 && (
        <p class="pad quiet">
          {looking.value ? `Loading results from ${formatCount(first + 1)} on …` : "No results"}
        </p>
      )}
      {shownRows.length > 0 && <Results run={id} rows={shownRows} loaded={results.length} />}
    </main>
  );
}

function Examples() {
  if (getBackend().kind === "report")
    return (
      <p class="examples">
        Finds every event that contains a text: in its kind, function, file, source line, values or exception.
        Expressions work in smiley-web only.
      </p>
    );
  return (
    <div class="examples">
      <p>Finds every event that matches an expression. For example:</p>
      <ul>
        {EXAMPLES.map((one) => (
          <li key={one}>
            <button onClick={() => setQuery({ where: one }, false)}>
              <code>{one}</code>
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet">
        Names: event function file line thread process task depth value exception, and the program's variables with
        their attributes and items. <code>~</code> is true when the text on the left contains the text on the right,{" "}
        <code>x changed</code> where <code>x</code> changed.
      </p>
    </div>
  );
}

function Results({ run, rows, loaded }: { run: string; rows: EventObject[]; loaded: number }) {
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Results">
      <table class="table events">
        <thead>
          <tr>
            <th scope="col">Position</th>
            <th scope="col">Where</th>
            <th scope="col">Event</th>
            <th scope="col">Statement</th>
            <th scope="col">Data</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((event) => (
            <tr key={`${event.thread}:${event.seq}`}>
              <td>
                <PositionLink run={run} at={`${event.thread}:${event.seq}`} />
              </td>
              <td class="nowrap">
                <SourceLink run={run} file={event.file} line={event.line} source={event.source} />{" "}
                <span class="quiet">
                  <bdi>{decodeLine(event.function)}</bdi>
                </span>
              </td>
              <td>
                <span class={`event-kind e-${event.event}`}>{event.event}</span>
              </td>
              <td class="statement">
                <a href={makeRunAddress(run, "", `${event.thread}:${event.seq}`)}>
                  <Statement text={decodeText(event.text) || " "} />
                </a>
              </td>
              <td class="data">
                {event.exception ? (
                  <bdi class="raised-text">
                    {decodeLine(event.exception.type)}: {decodeLine(event.exception.message)}
                  </bdi>
                ) : event.value !== undefined ? (
                  <bdi>{formatValue(event.value, 80)}</bdi>
                ) : (
                  Object.entries(event.changed ?? {})
                    .slice(0, 4)
                    .map(([name, value]) => (
                      <span key={name} class="pill">
                        <bdi>
                          {escapeLine(name)} = {formatValue(value, 40)}
                        </bdi>
                      </span>
                    ))
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {total.value > WINDOW && (
        <p class="quiet pad">
          The timeline shows results {formatCount(foundBefore.value + 1)} to {formatCount(foundBefore.value + loaded)}
          ; n and N move through all of them.
        </p>
      )}
    </div>
  );
}
