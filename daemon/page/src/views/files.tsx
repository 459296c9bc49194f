// The recorded sources, with the number of times that each line ran.
import { useMemo, useState } from "preact/hooks";
import { getBackend, say, sayError } from "../data/app_state";
import { decodeText, formatPlural, decodeLine } from "../data/format";
import { goTo } from "../data/moment_state";
import { route, makeRunAddress } from "../data/route";
import { measureGrowth, useLines, type RunData } from "../data/run_data";
import { SourceView } from "../parts/source_view";
import { useList } from "../data/use_list";
import { PartNote, Trouble } from "../parts/view_parts";
import type { State } from "../data/moment_state";

interface Hits {
  source: number;
  file: string;
  events: number;
  lines: [number, number][];
}

export function FilesView({ data }: { data: RunData }) {
  const id = data.run.id;
  const file = route.value.rest;
  const [filter, setFilter] = useState("");
  const { items, end, error } = useList<Hits>(`${id}/hits`, "hits", { run: id }, measureGrowth(data.run));
  const hits = useMemo(() => new Map(items.map((one) => [one.source, one])), [items]);
  const sources = [...data.sources].sort(
    (a, b) => (hits.get(b.source)?.events ?? 0) - (hits.get(a.source)?.events ?? 0),
  );
  const chosen = sources.find((one) => decodeText(one.file) === file) ?? (file === "" ? sources[0] : undefined);
  const lines = useLines(id, chosen?.source);
  const of = chosen ? hits.get(chosen.source) : undefined;
  const counts = useMemo(() => new Map(of?.lines ?? []), [of]);
  const wanted = Number(route.value.query.get("line")) || undefined;
  const goToLine = (line: number) => {
    if (!chosen) return;
    getBackend()
      .list<State>("state", { run: id, at: `${decodeText(chosen.file)}:${line}` })
      .then((list) => (list[0] ? goTo(id, list[0].position) : say(`line ${line} never ran`)), sayError);
  };
  return (
    <main class="view files">
      <section class="panel" aria-label="Files">
        <div class="panel-head">
          <h2>Files</h2>
          <input
            type="search"
            placeholder="filter"
            aria-label="Filter files"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
        <ol class="panel-body rows">
          {sources
            .filter((one) => decodeLine(one.file).toLowerCase().includes(filter.toLowerCase()))
            .slice(0, 1000)
            .map((one) => (
              <li key={one.source}>
                <a
                  class={one === chosen ? "row-button on" : "row-button"}
                  href={makeRunAddress(id, "files", decodeText(one.file))}
                  title={decodeLine(one.file)}
                  aria-current={one === chosen ? "true" : undefined}
                >
                  <span class="fn tail">
                    <bdi dir="ltr">{decodeLine(one.file)}</bdi>
                  </span>
                  <span class="where">
                    {hits.has(one.source)
                      ? formatPlural(hits.get(one.source)!.events, "line")
                      : end
                        ? "never ran"
                        : ""}
                  </span>
                </a>
              </li>
            ))}
        </ol>
      </section>
      <section class="panel" aria-label="Source">
        <div class="panel-head">
          <h2>
            <bdi>{decodeLine(chosen?.file) || "Select a file"}</bdi>
          </h2>
          <span class="quiet">
            {of
              ? `${formatPlural(of.lines.length, "line")} ran; click a line number to go to the first time the line ran`
              : ""}
          </span>
        </div>
        <PartNote data={data} />
        <Trouble error={error} />
        {file !== "" && !chosen && <p class="pad">No source with this name was recorded.</p>}
        {lines && chosen && (
          <SourceView
            lines={lines}
            current={wanted}
            notes={{ hits: counts }}
            label={`Source of ${decodeLine(chosen.file)}`}
            onLine={goToLine}
          />
        )}
      </section>
    </main>
  );
}
